"""Secure averaging beside Flower's SecAgg+: what a client and the server compute, what they send, and whole rounds."""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess

import comparison as c
import processes
from comparison import HERE, Side

PARTICIPANTS = (10, 20, 50, 100)
PARAMETERS = 1_000_000
# Flower splits a key for every client of a small cohort; for larger ones this many shares are its cheaper setting.
FEWER_SHARES = 21
# Section "Goals" of docs/benchmarks.md: seconds of a client and of the server at 100 participants, NMSE, and bytes.
CLIENT_GOAL, SERVER_GOAL, ERROR_GOAL = 0.1, 1.5, 1e-3
ROUND_GOAL, ROUND_RATIO_GOAL = 0.5, 50


class Rounds(c.Process):
    """A running side that answers each number of rounds with what each took."""

    def round(self):
        self.process.stdin.write("1\n")
        self.process.stdin.flush()
        return self.answer()


def alternate(sides, arguments):
    """Answers of each side by its name, from turns of one round each; and the peak memory of each process."""
    processes, answers = [], {side.name: [] for side in sides}
    try:
        for side in sides:
            processes.append(Rounds(side, 1, arguments.clock))
        for turn in range(arguments.rounds):
            for process in processes:
                # A round that takes a minute is as good a measurement as a second one of it.
                if turn == 0 or seconds_of(answers[process.name][0]) < arguments.patience:
                    answers[process.name].append(process.round())
        peaks = {process.name: process.peak() for process in processes}
    finally:
        for process in processes:
            process.end()
    return answers, peaks


def seconds_of(answer):
    return sum(answer["wall"]["client"]) + answer["wall"]["server"]


def times(answers, part, clock):
    """The fastest and the median; of clients, every survivor of every round is a measurement."""
    found = [answer[clock][part] for answer in answers]
    found = [time for one in found for time in (one if isinstance(one, list) else [one])]
    return c.Times(min(found), statistics.median(found), None)


def seconds_row(work, ours, peer, goal=None):
    """Seconds have no least ratio: the goal is of ours alone, and the peer stands beside it."""
    line = c.row(work, ours, peer, "s", "" if goal is None else f"≤ {goal} s")
    return line | {"met": None if goal is None or ours is None else ours <= goal}


def bytes_goal(bits):
    """What an upload may hold for each parameter: the bits of a lane, 2% for padding, and 40 KB for everything else."""
    return 1.02 * bits / 8 + 40_000 / PARAMETERS


def cohort_rows(arguments, count, measurements):
    lost = count // 10
    name = f"{count} participants, {lost} lost"
    c.progress(name)
    words = [count, lost, PARAMETERS]
    sides = [Side("ours", [
        arguments.tool, "averaging", "--participants", count, "--lost", lost, "--dimension", PARAMETERS])]
    for label, shares in [("Flower", count)] + ([(f"Flower, {FEWER_SHARES} shares", FEWER_SHARES)] if count > FEWER_SHARES else []):
        sides.append(Side(label, [arguments.flower, HERE / "peers/averaging_flower.py", *words, shares]))
    answers, peaks = alternate(sides, arguments)
    ours = answers["ours"]
    rows = []
    for peer in answers:
        for part in ("client", "server"):
            found = times(answers[peer], part, arguments.clock)
            measurements.append({
                "work": f"{name}: {part}", "side": peer, "seconds": found.fastest, "medianSeconds": found.median,
                "rounds": len(answers[peer]), "peakMebibytes": peaks[peer]})
            if peer != "ours":
                goal = {"client": CLIENT_GOAL, "server": SERVER_GOAL}[part] if count == 100 else None
                mine = times(ours, part, arguments.clock)
                rows.append(seconds_row(f"{name}: {part} : {peer}", mine.fastest, found.fastest, goal))
    bits = ours[-1]["bits"]
    for label, direction in (("sent", "up"), ("received, the model apart", "down")):
        mine, theirs = (answers[side][-1][direction] / PARAMETERS for side in ("ours", "Flower"))
        if direction == "down":
            theirs = theirs - 4  # Flower sends the model inside these messages, four bytes a parameter
        line = c.row(f"{name}: bytes a parameter {label}", mine, theirs, "B", "") | {"met": None}
        if direction == "up":
            line |= {"goal": f"≤ {bytes_goal(bits):.2f} B", "met": mine <= bytes_goal(bits)}
        rows.append(line)
    error = max(answer["error"] for answer in ours)
    theirs = answers["Flower"][-1]["error"]
    rows.append({
        "work": f"{name}: NMSE at {bits} bits", "ours": error, "peer": theirs, "ratio": None, "unit": "",
        "goal": f"≤ {ERROR_GOAL}", "met": error <= ERROR_GOAL})
    return rows


def round_rows(arguments, measurements):
    """Whole rounds of the released programs, each side's processes alone on the machine, ours before and after Flower's."""
    count = arguments.processes
    name = f"a round of {count} participants as processes"
    c.progress(name)
    with processes.Federation(arguments.tributary, count) as federation:
        before = federation.run(arguments.rounds + 1)
        flower = json.loads(subprocess.check_output(
            [arguments.flower, HERE / "peers/rounds_flower.py", str(count), str(PARAMETERS), "2"], text=True))
        after = federation.run(arguments.rounds + 1)
    ours = before.rounds + after.rounds
    for side, found, peak in (("ours", ours, after.peak), ("Flower", flower, None)):
        measurements.append({
            "work": name, "side": side, "seconds": min(found), "medianSeconds": statistics.median(found),
            "rounds": len(found), "peakMebibytes": peak})
    goal = f"≤ {ROUND_GOAL} s, ≤ 1/{ROUND_RATIO_GOAL}"
    line = c.row(name, min(ours), min(flower), "s", goal)
    return [line | {"met": min(ours) <= ROUND_GOAL and line["ratio"] <= 1 / ROUND_RATIO_GOAL}]


def details(measurements):
    lines = [("work", "side", "s", "median", "rounds", "peak MiB")]
    for one in measurements:
        cells = (one["seconds"], one["medianSeconds"], one["rounds"], one["peakMebibytes"])
        lines.append((one["work"], one["side"], *("" if cell is None else number(cell) for cell in cells)))
    return c.columns(lines, right=range(2, 6))


def number(value):
    """Seconds and bytes with three digits, errors as powers of ten."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def table(rows):
    lines = [("work", "ours", "peer", "unit", "ratio", "goal", "")]
    for line in rows:
        ratio = "" if line["ratio"] is None else number(line["ratio"])
        met = {True: "met", False: "NOT MET", None: ""}[line["met"]]
        lines.append((line["work"], number(line["ours"]), number(line["peer"]), line["unit"], ratio, line["goal"], met))
    return c.columns(lines, right=(1, 2, 4))


def flower_versions(arguments):
    code = "import importlib.metadata as m; print(m.version('flwr'), m.version('numpy'))"
    flower, numpy = subprocess.check_output([arguments.flower, "-c", code], text=True).split()
    return {"flwr": flower, "numpy": numpy}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", type=pathlib.Path, required=True, help="our side: tributary-bench")
    parser.add_argument("--flower", type=pathlib.Path, required=True, help="a Python that has Flower")
    parser.add_argument("--tributary", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--json", type=pathlib.Path, help="also write the table for machines")
    parser.add_argument("--participants", type=int, action="append", help="a cohort's size (default: 10, 20, 50, 100)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side (default: 3)")
    parser.add_argument("--processes", type=int, default=10, help="participants of the rounds with processes; 0: none")
    parser.add_argument("--patience", type=float, default=60, help="a round longer than this many seconds is not repeated")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="cpu",
                        help="cpu (the default): processor time of each part; wall: on a quiet machine")
    arguments = parser.parse_args()
    rows, measurements = [], []
    for count in arguments.participants or PARTICIPANTS:
        rows += cohort_rows(arguments, count, measurements)
    if arguments.processes:
        rows += round_rows(arguments, measurements)
    versions, load = flower_versions(arguments), os.getloadavg()[0]
    print(f"\n{c.machine()}; load {load:.1f} at the end; {', '.join(f'{k} {v}' for k, v in versions.items())}")
    clock = "processor time" if arguments.clock == "cpu" else "time by the clock"
    print(f"{PARAMETERS:,} parameters; {clock} of one thread, rounds of processes by the clock on all cores")
    print(f"\n{details(measurements)}\n\n{table(rows)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": c.machine(), "date": datetime.date.today().isoformat(), "load": load, "clock": arguments.clock,
            "versions": versions, "rows": rows, "measurements": measurements,
        }, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
