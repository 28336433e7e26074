"""Ours and its peers on the same work in the same run: alternating rounds on the same cores, and the table of it.

A side is a process of its own. It loads, warms up, prints `{"ready": true}`, and then answers each line on its standard
input, a number of laps, with the milliseconds of a step in each: `{"wall": […], "cpu": […]}`. A lap is a step, or some
hundred where one takes microseconds. The sides take turns, so that what else the
machine does meets all of them, and the one whose turn it is not sleeps. The fastest step of a side is compared with the
fastest of the other: noise only ever adds.
"""

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent

# The peers load local files; nothing is asked of a network, and nothing is said that is not a mistake.
QUIET = {
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore", "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
}


@dataclasses.dataclass
class Side:
    """One competitor of a work, by the command that starts it."""

    name: str
    command: list


@dataclasses.dataclass
class Times:
    """Of a side: milliseconds of a step, and the most memory that its process ever held, in MiB (None: not known)."""

    fastest: float
    median: float
    peak: float | None


class Process:
    """A running side, on its cores."""

    def __init__(self, side, threads, clock):
        cores = sorted(os.sched_getaffinity(0))[-threads:] if hasattr(os, "sched_getaffinity") else None
        variables = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TRIBUTARY_THREADS")}
        self.name, self.clock = side.name, clock
        self.process = subprocess.Popen(
            [str(word) for word in side.command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | variables | QUIET,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None)
        self.facts = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: error: {self.name} ended with status {self.process.wait()}")
        return json.loads(line)

    def laps(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return self.answer()[self.clock]

    def peak(self):
        """The high water of its resident memory in MiB, pages of mapped files included."""
        try:
            with open(f"/proc/{self.process.pid}/status") as status:
                return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return None

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def alternate(sides, threads, effort):
    """Times of each side by its name, from rounds in which each has its turn."""
    processes, laps = [], {side.name: [] for side in sides}
    try:
        for side in sides:
            processes.append(Process(side, threads, effort.clock))
        counts = {}
        for process in processes:
            began = time.perf_counter()
            process.laps(1)
            counts[process.name] = max(1, round(effort.seconds / (time.perf_counter() - began)))
        for _ in range(effort.rounds):
            for process in processes:
                laps[process.name] += process.laps(counts[process.name])
        peaks = {process.name: process.peak() for process in processes}
    finally:
        for process in processes:
            process.end()
    return {name: Times(min(times), statistics.median(times), peaks[name]) for name, times in laps.items()}


@dataclasses.dataclass
class Effort:
    """How long to measure: rounds, and about how many seconds each side has in each; by which clock."""

    rounds: int
    seconds: float
    clock: str


def row(work, ours, peer, unit, goal, at_least=None, at_most=None):
    """A line of the table. Of rates the goal is a least ratio, of memory a most; values of None are not applicable."""
    known = ours is not None and peer is not None
    ratio = ours / peer if known else None
    met = None
    if known:
        met = (at_least is None or ratio >= at_least) and (at_most is None or ratio <= at_most)
    return {"work": work, "ours": ours, "peer": peer, "ratio": ratio, "unit": unit, "goal": goal, "met": met}


def rate_row(work, ours, peer, unit, goal):
    return row(work, ours, peer, unit, f"≥ {goal}", at_least=goal)


def memory_row(work, ours, peer, goal):
    return row(work, ours and ours.peak, peer and peer.peak, "MiB", f"≤ {goal}", at_most=goal)


def has_bfloat16():
    """Whether this CPU multiplies bfloat16: only then are the peers' bf16 modes and ours worth a measurement."""
    return bool({"avx512_bf16", "amx_bf16"} & cpu_flags())


def cpu_flags():
    try:
        with open("/proc/cpuinfo") as file:
            return set(next(line for line in file if line.startswith("flags")).split())
    except (OSError, StopIteration):
        return set()


def machine():
    """This machine in a line: what a measurement must name."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line.split(":", 1) for line in file if ":" in line]
        facts = {key.strip(): value.strip() for key, value in reversed(lines)}
        processor = f"{facts['model name']} (family {facts['cpu family']}, model {facts['model']})"
    except (OSError, KeyError):
        pass
    level = {"avx512f": "AVX-512", "avx2": "AVX2"}
    vectors = next((name for flag, name in level.items() if flag in cpu_flags()), "baseline vectors")
    bfloat16 = "with" if has_bfloat16() else "without"
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {processor}, {vectors}, "
        f"{bfloat16} bfloat16 instructions")


def versions(*packages):
    return {package: importlib.metadata.version(package) for package in packages}


def text(value):
    if value is None:
        return "not applicable"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def table(rows):
    """The rows for people, in columns."""
    lines = [("work", "ours", "peer", "unit", "ratio", "goal", "")]
    for line in rows:
        ratio = "" if line["ratio"] is None else f"{line['ratio']:.2f}"
        met = {True: "met", False: "NOT MET", None: ""}[line["met"]]
        lines.append((line["work"], text(line["ours"]), text(line["peer"]), line["unit"], ratio, line["goal"], met))
    return columns(lines, right=(1, 2, 4))


def details(measurements, peaks):
    """What each side took, in columns: the table's rates and ratios come from these."""
    lines = [("work", "side", "ms/step", "median", "tokens/s", "peak MiB", "GF/s", "of FMA peak")]
    for one in measurements:
        speed = one.get("gigaflopsPerSecond")
        share = speed and peaks.get(one["threads"]) and f"{speed / peaks[one['threads']]:.0%}"
        cells = (one["milliseconds"], one["medianMilliseconds"], one.get("tokensPerSecond"), one["peakMebibytes"], speed)
        lines.append((one["work"], one["side"], *("" if cell is None else text(cell) for cell in cells), share or ""))
    return columns(lines, right=range(2, 8))


def columns(lines, right):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(line)).rstrip()
        for line in lines)


def parser(description):
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--tool", type=pathlib.Path, required=True, help="our side: tributary-bench")
    arguments.add_argument("--models", type=pathlib.Path, required=True, help="the directory of base models")
    arguments.add_argument("--json", type=pathlib.Path, help="also write the table for machines")
    arguments.add_argument("--threads", type=int, action="append", help="by default 1, and 2 where there are 2 cores")
    arguments.add_argument("--only", default="", help="measure only works whose name contains this")
    arguments.add_argument("--rounds", type=int, default=5, help="turns of each side (default: 5)")
    arguments.add_argument("--seconds", type=float, default=1.0, help="about how long a turn is (default: 1)")
    arguments.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall",
        help="cpu: processor time, for one thread on a busy machine, where wall time measures the others")
    return arguments


def effort(arguments):
    return Effort(arguments.rounds, arguments.seconds, arguments.clock)


def thread_counts(arguments):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    counts = arguments.threads or [1, 2]
    if arguments.clock == "cpu" and (arguments.threads or [1]) != [1]:
        sys.exit("bench: error: processor time says how fast one thread is, and no more: use --threads 1")
    return [count for count in counts if count <= cores and (arguments.clock == "wall" or count == 1)]


def with_threads(work, threads):
    return f"{work}, {threads} thread{'' if threads == 1 else 's'}"


def measurement(work, threads, side, times, tokens=None, operations=None):
    """What a side took for a step of so many tokens and floating-point operations, for the details and the JSON."""
    seconds = times.fastest / 1000
    return {
        "work": work, "threads": threads, "side": side, "milliseconds": times.fastest,
        "medianMilliseconds": times.median, "peakMebibytes": times.peak,
        "tokensPerSecond": tokens and tokens / seconds,
        "gigaflopsPerSecond": operations and operations / seconds / 1e9,
    }


def peak_speed(arguments, threads):
    """GF/s of nothing but multiply-adds in registers, on as many cores: what no step can reach."""
    process = Process(Side("the peak", [arguments.tool, "peak"]), threads, arguments.clock)
    try:
        return process.facts["operations"] / min(process.laps(50)) / 1e6
    finally:
        process.end()


def finish(arguments, rows, measurements, packages, peaks=None):
    """Prints the tables and writes the JSON; a goal that is not met is no failure, since a benchmark only tells."""
    load = os.getloadavg()[0]
    print(f"\n{machine()}; load {load:.1f} at the end; {', '.join(f'{k} {v}' for k, v in packages.items())}")
    peaks = peaks or {}
    if peaks:
        print("FMA peak: " + ", ".join(f"{speed:.0f} GF/s on {with_threads('', t)[2:]}" for t, speed in peaks.items()))
    if arguments.clock == "cpu":
        print("Times are processor time, not those of the clock.")
    print(f"\n{details(measurements, peaks)}\n\n{table(rows)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": machine(), "date": datetime.date.today().isoformat(), "load": load, "clock": arguments.clock,
            "versions": packages, "peakGigaflopsPerSecond": peaks, "rows": rows, "measurements": measurements,
        }, indent=2, ensure_ascii=False) + "\n")


def progress(work):
    print(f"bench: {work}", file=sys.stderr, flush=True)
