"""The rules of averaging.py and growth.py, with sides that only pretend to average."""

import argparse
import sys
import unittest

import averaging
import comparison as c
import growth

# Answers each round with two clients and a server; their seconds are the numbers given, doubled by every round.
PRETENDER = """
import json, sys
print(json.dumps({"ready": True}), flush=True)
factor = 1
for line in sys.stdin:
    client, server = (float(word) * factor for word in sys.argv[1:])
    times = {"client": [client, 3 * client], "server": server}
    print(json.dumps({"wall": times, "cpu": times, "up": 1250000, "down": 0, "bits": 10, "error": 0}), flush=True)
    factor *= 2
"""


def pretender(name, client, server):
    return c.Side(name, [sys.executable, "-c", PRETENDER, str(client), str(server)])


def arguments(rounds, patience):
    return argparse.Namespace(rounds=rounds, patience=patience, clock="wall")


class Averaging(unittest.TestCase):
    def test_every_survivor_is_a_measurement_and_the_fastest_counts(self):
        answers, _ = averaging.alternate([pretender("a", 1, 5)], arguments(2, 1000))
        client = averaging.times(answers["a"], "client", "wall")  # 1 and 3, then 2 and 6
        self.assertEqual((client.fastest, client.median), (1, 2.5))
        self.assertEqual(averaging.times(answers["a"], "server", "wall").fastest, 5)

    def test_a_side_whose_round_takes_long_has_one(self):
        answers, _ = averaging.alternate([pretender("slow", 10, 30), pretender("fast", 1, 1)], arguments(3, 60))
        self.assertEqual((len(answers["slow"]), len(answers["fast"])), (1, 3))

    def test_a_goal_in_seconds_is_of_ours_alone(self):
        self.assertTrue(averaging.seconds_row("w", 0.1, 0.01, 0.1)["met"])
        self.assertFalse(averaging.seconds_row("w", 0.11, 50, 0.1)["met"])
        self.assertIsNone(averaging.seconds_row("w", 0.1, 50)["met"])

    def test_the_bytes_of_ten_bits_are_one_and_a_quarter_with_two_percent_and_40_kilobytes(self):
        self.assertAlmostEqual(averaging.bytes_goal(10), 1.275 + 0.04)

    def test_a_row_has_the_keys_that_machines_read(self):
        self.assertEqual(
            set(averaging.seconds_row("w", 1, 1)), {"work", "ours", "peer", "ratio", "unit", "goal", "met"})


class Growth(unittest.TestCase):
    def test_groups_are_as_few_and_as_even_as_can_be(self):
        self.assertEqual(growth.groups_of(255), [255])
        self.assertEqual(growth.groups_of(256), [128, 128])
        self.assertEqual(growth.groups_of(1_000), [250] * 4)
        self.assertEqual(growth.groups_of(511), [171, 170, 170])
        for count in range(256, 2_000):
            sizes = growth.groups_of(count)
            self.assertEqual(sum(sizes), count)
            self.assertTrue(all(128 <= size <= 255 for size in sizes))

    def test_the_exponent_of_a_power_is_its_power(self):
        self.assertAlmostEqual(growth.exponent([(n, 7 * n**1.5) for n in (10, 30, 100)]), 1.5)
        self.assertAlmostEqual(growth.exponent([(n, 4) for n in (10, 100)]), 0)

    def test_the_peak_of_a_command_is_at_least_what_it_holds(self):
        held = growth.peak_of([sys.executable, "-c", "x = bytearray(100 * 2**20); x[::4096] = b'1' * len(x[::4096])"])
        self.assertTrue(100 < held < 300, held)
        with self.assertRaisesRegex(SystemExit, "ended with status"):
            growth.peak_of([sys.executable, "-c", "import sys; sys.exit(1)"])


if __name__ == "__main__":
    unittest.main()
