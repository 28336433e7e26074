"""The rules of comparison.py, with sides that only pretend to work."""

import sys
import unittest

import comparison as c

# Answers as a side does; its laps take the given milliseconds, in turn, whatever the time.
PRETENDER = """
import itertools, json, sys
times = itertools.cycle(float(word) for word in sys.argv[1].split(","))
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    laps = [next(times) for _ in range(int(line))]
    print(json.dumps({"wall": laps, "cpu": [2 * lap for lap in laps]}), flush=True)
"""
BRIEF = c.Effort(rounds=3, seconds=0, clock="wall")


def pretender(name, times):
    return c.Side(name, [sys.executable, "-c", PRETENDER, times])


class Comparison(unittest.TestCase):
    def test_the_fastest_lap_counts_and_the_calibration_does_not(self):
        # The first lap of each sets how many a round has, then come three rounds of one lap.
        times = c.alternate([pretender("a", "1,9,5,7"), pretender("b", "8,2,4,6")], 1, BRIEF)
        self.assertEqual((times["a"].fastest, times["a"].median), (5, 7))
        self.assertEqual((times["b"].fastest, times["b"].median), (2, 4))

    def test_processor_time_is_another_clock(self):
        times = c.alternate([pretender("a", "3")], 1, c.Effort(rounds=1, seconds=0, clock="cpu"))
        self.assertEqual(times["a"].fastest, 6)

    def test_a_side_that_ends_is_an_error_with_its_name(self):
        with self.assertRaisesRegex(SystemExit, "broken ended with status 3"):
            c.alternate([c.Side("broken", [sys.executable, "-c", "import sys; sys.exit(3)"])], 1, BRIEF)

    def test_a_rate_must_reach_its_goal_and_memory_must_not_exceed_it(self):
        self.assertTrue(c.rate_row("w", 3, 2, "tokens/s", 1.5)["met"])
        self.assertFalse(c.rate_row("w", 2.9, 2, "tokens/s", 1.5)["met"])
        self.assertTrue(c.memory_row("w", c.Times(1, 1, 60), c.Times(1, 1, 100), 0.6)["met"])
        self.assertFalse(c.memory_row("w", c.Times(1, 1, 61), c.Times(1, 1, 100), 0.6)["met"])

    def test_what_does_not_apply_is_neither_met_nor_missed(self):
        row = c.rate_row("w", None, None, "tokens/s", 1.5)
        self.assertEqual((row["ratio"], row["met"]), (None, None))
        self.assertIn("not applicable", c.table([row]))

    def test_a_row_has_the_keys_that_machines_read(self):
        self.assertEqual(
            set(c.rate_row("w", 1, 1, "tokens/s", 1)), {"work", "ours", "peer", "ratio", "unit", "goal", "met"})

    def test_a_share_of_the_peak_is_of_the_same_number_of_threads(self):
        measured = c.measurement("w", 2, "ours", c.Times(500, 600, None), tokens=100, operations=50e9)
        self.assertEqual((measured["tokensPerSecond"], measured["gigaflopsPerSecond"]), (200, 100))
        self.assertIn("50%", c.details([measured], {1: 100, 2: 200}))


if __name__ == "__main__":
    unittest.main()
