"""How the cost of a round grows with its participants, and by which power of their number.

Everything is computed by the protocol's own code in one process. Up to 255 participants are one complete graph, and every
one of them is simulated in full. Above that a cohort is cut into groups of 128 to 255, each a round of its own, alike in
all that costs anything: one group is simulated in full, all its participants included, and the server's time is that of
the group times their number, with one decoding of the sum added. The server's memory is the peak of a process that starts
again in front of a group's finished round and opens it, as a coordinator does after a restart.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import averaging
import comparison as c
from comparison import Side

PARTICIPANTS = (10, 30, 100, 255, 300, 1_000, 3_000, 10_000)
PARAMETERS = 100_000
LARGEST_GROUP = 255


def groups_of(count):
    """Sizes of the groups, as even as they can be."""
    number = -(-count // LARGEST_GROUP)
    return [count // number + (index < count % number) for index in range(number)]


def exponent(points):
    """The slope of the line of least squares through the logarithms: the p of cost = a · nᵖ."""
    xs, ys = [math.log(n) for n, _ in points], [math.log(cost) for _, cost in points]
    x, y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys)) / sum((a - x) ** 2 for a in xs)


def peak_of(command):
    """MiB that a command had in memory at most."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise SystemExit(f"bench: error: {command[0]} {command[1]} ended with status {status}")
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measure(arguments, count):
    """What a client and the server take, what one client sends, and the memory of the server's part."""
    groups = groups_of(count)
    size = groups[0]
    c.progress(f"{count} participants")
    with tempfile.TemporaryDirectory(prefix="tributary-growth.") as directory:
        process = averaging.Rounds(Side(f"{count} participants", [
            arguments.tool, "averaging", "--participants", size, "--lost", size // 10, "--dimension", PARAMETERS,
            "--cohort", count, "--keep", directory]), 1, arguments.clock)
        try:
            answers = [process.round() for _ in range(arguments.rounds)]
        finally:
            process.end()
        memory = peak_of([arguments.tool, "coordinator", "--directory", directory])
    server = averaging.times(answers, "server", arguments.clock).fastest
    adding = averaging.times(answers, "decode", arguments.clock).fastest
    return {
        "participants": count, "groups": len(groups), "groupSize": size, "bits": answers[0]["bits"],
        "client": averaging.times(answers, "client", arguments.clock).fastest,
        "server": server * len(groups) + adding, "up": answers[0]["up"], "down": answers[0]["down"],
        "memory": memory, "error": max(answer["error"] for answer in answers),
    }


COLUMNS = (("client", "client s"), ("server", "server s"), ("memory", "server MiB"), ("up", "B sent"),
           ("down", "B received"))


def table(found):
    lines = [("participants", "groups", "bits", *(title for _, title in COLUMNS))]
    for one in found:
        groups = "one" if one["groups"] == 1 else f"{one['groups']} × {one['groupSize']}"
        lines.append((
            f"{one['participants']:,}", groups, str(one["bits"]), *(averaging.number(one[key]) for key, _ in COLUMNS)))
    return c.columns(lines, right=range(0, 8))


def exponents(found):
    """Of the complete graphs, of the cohorts in groups, and over all."""
    parts = {
        "one graph": [one for one in found if one["groups"] == 1],
        "in groups": [one for one in found if one["groups"] > 1], "all": found,
    }
    lines = [("growth, n to the power of", *(title for _, title in COLUMNS))]
    for title, part in parts.items():
        if len(part) > 1:
            lines.append((title, *(f"{exponent([(one['participants'], one[key]) for one in part]):.2f}" for key, _ in COLUMNS)))
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tool", type=pathlib.Path, required=True, help="our side: tributary-bench")
    parser.add_argument("--json", type=pathlib.Path, help="also write the table for machines")
    parser.add_argument("--participants", type=int, action="append", help="a cohort's size (default: 10 to 10,000)")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of each (default: 1)")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="cpu", help="cpu (the default): processor time")
    arguments = parser.parse_args()
    found = [measure(arguments, count) for count in arguments.participants or PARTICIPANTS]
    lines, load = exponents(found), os.getloadavg()[0]
    print(f"\n{c.machine()}; load {load:.1f} at the end; {PARAMETERS:,} parameters, a tenth lost")
    print(f"\n{table(found)}\n\n{c.columns(lines, right=range(1, 6))}")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": c.machine(), "date": datetime.date.today().isoformat(), "load": load, "clock": arguments.clock,
            "parameters": PARAMETERS, "measurements": found,
            "exponents": [dict(zip(lines[0], line)) for line in lines[1:]],
        }, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
