"""The kernels against OpenBLAS (through numpy), PyTorch and the FMA peak, side by side: `scripts/bench kernels`.

Each side is a process that lives through the whole run. For every work the sides take turns, round after round, and the
fastest repetition of each counts. The peak is measured anew in every round of every work that is compared with it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import comparison  # noqa: E402

HERE = pathlib.Path(__file__).parent

# Work, its unit of work (operations or elements), what the unit is, and goals: a least ratio to each of the named.
GF, GE, GB = (1e9, "GF/s"), (1e9, "Gelem/s"), (1e9, "GB/s")


def products():
    for rows, outputs, inputs in [
        (128, 384, 384), (128, 1536, 384), (128, 384, 1536), (256, 576, 576), (256, 1536, 576), (256, 576, 1536),
        (2048, 384, 384), (2048, 1536, 384), (2048, 384, 1536),
    ]:
        for direction in ("forward", "backward", "shared"):
            goals = {"peak": 0.88, "openblas": 1, "torch": 1} if direction != "shared" else {"openblas": 1}
            yield f"{direction} {rows} {outputs} {inputs}", 2 * rows * outputs * inputs, GF, goals
    for form, m, n, k in [("tn", 384, 384, 128), ("tn", 576, 1536, 256), ("nn", 128, 384, 384), ("nt", 128, 1536, 576)]:
        yield f"{form} {m} {n} {k}", 2 * m * n * k, GF, {"openblas": 1, "torch": 1}
    for form, m, n, k in [
        ("nt", 256, 8, 576), ("nn", 256, 576, 8), ("tn", 576, 8, 256), ("tn", 8, 576, 256), ("nt", 2048, 8, 384),
        ("nn", 2048, 384, 8),
    ]:
        yield f"{form} {m} {n} {k}", 2 * m * n * k, GF, {"peak": 0.75, "openblas": 1.3}
    for form in ("nn", "nt", "tn"):
        yield f"{form} 67 131 93", 2 * 67 * 131 * 93, GF, {"openblas": 0.9}


def others():
    for sequences, heads, length, width, kind in [(1, 9, 256, 64, "causal"), (16, 12, 128, 32, "full")]:
        operations = 4 * sequences * heads * length * length * width // (2 if kind == "causal" else 1)
        shape = f"{sequences} {heads} {length} {width} {kind}"
        goal = (1.4, 2) if length >= 256 else (1, 1.4)
        yield f"attention {shape}", operations, GF, {"torch": goal[0]}
        yield f"attention-gradient {shape}", operations * 7 // 2, GF, {"torch": goal[1]}
    for name, goal in (("gelu", 1.1), ("gelu-tanh", 3), ("swiglu", 1.5)):
        yield f"{name} 65536", 65536, GE, {"torch": goal}
    yield "softmax 1024 256", 1024 * 256, GE, {"torch": 1.3}
    yield "cross-entropy 128 49152", 128 * 49152, GE, {"torch": 3.5}
    for name, goal in (("layernorm", 1.7), ("layernorm-gradient", 1.7), ("rmsnorm", 2.5), ("rmsnorm-gradient", 2.5)):
        yield f"{name} 512 576", 512 * 576, GE, {"torch": goal}
    yield "adamw 65536", 65536, GE, {"torch": 3}
    yield "adamw 4194304", 4194304, GE, {"torch": 1}
    # Reading as many bytes and adding them up is the most that memory allows.
    yield "quantised 1 49152 576", 49152 * 576 * 34 // 32, GB, {"openblas": 0.8}
    yield "quantised 1 1536 576", 1536 * 576 * 34 // 32, GB, {}


class Side:
    """A process that answers lines."""

    def __init__(self, command, threads):
        cores = sorted(os.sched_getaffinity(0))[-threads:] if hasattr(os, "sched_getaffinity") else None
        variables = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TRIBUTARY_THREADS")}
        environment = os.environ | variables
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # they would choose slower kernels for the peer
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None)
        self.greeting = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: error: {self.process.args[0]} ended with status {self.process.wait()}")
        return json.loads(line)

    def measure(self, work, seconds):
        self.process.stdin.write(f"{seconds} {work}\n")
        self.process.stdin.flush()
        return self.answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def arguments():
    parser = argparse.ArgumentParser(description="The kernels against OpenBLAS, PyTorch and the FMA peak.")
    parser.add_argument("--tool", type=pathlib.Path, required=True, help="our side: KernelBenchmark")
    parser.add_argument("--json", type=pathlib.Path, help="also write the table for machines")
    parser.add_argument("--threads", type=int, default=1, help="of both sides (default: 1)")
    parser.add_argument("--only", default="", help="measure only works whose name contains this")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each side (default: 4)")
    parser.add_argument("--seconds", type=float, default=0.15, help="about how long a turn is (default: 0.15)")
    parser.add_argument(
        "--clock", choices=["wall", "cpu"], default="wall",
        help="cpu: processor time, for one thread on a busy machine, where wall time measures the others")
    options = parser.parse_args()
    if options.clock == "cpu" and options.threads != 1:
        sys.exit("bench: error: processor time says how fast one thread is, and no more: use --threads 1")
    return options


def main():
    options = arguments()
    sides = {
        "ours": Side([options.tool], options.threads),
        "openblas": Side([sys.executable, HERE / "peers.py", "openblas", options.threads], options.threads),
        "torch": Side([sys.executable, HERE / "peers.py", "torch", options.threads], options.threads),
    }
    names = {"openblas": "OpenBLAS", "torch": "PyTorch", "peak": "the FMA peak"}
    rows, measurements, peaks = [], [], []
    for work, amount, (scale, unit), goals in [*products(), *others()]:
        if options.only not in work:
            continue
        comparison.progress(work)
        times = {}
        for _ in range(options.rounds):
            turns = [("ours", work, "ours")] + [(peer, work, peer) for peer in ("openblas", "torch")]
            if "peak" in goals:
                turns.append(("ours", "peak", "peak"))
            for side, asked, name in turns:
                answer = sides[side].measure(asked, options.seconds if name != "peak" else 0.02)
                if answer is not None:
                    times.setdefault(name, []).append(answer[options.clock])
        rates = {name: amount / (min(turns) / 1e3) / scale for name, turns in times.items() if name != "peak"}
        if "peak" in times:
            rates["peak"] = peak_operations(sides["ours"]) * options.threads / (min(times["peak"]) / 1e3) / scale
            peaks.append(rates["peak"])
        for name in [name for name in ("ours", "openblas", "torch") if name in rates]:
            measurements.append({
                "work": work, "side": names.get(name, name), "threads": options.threads,
                "milliseconds": min(times[name]), "medianMilliseconds": statistics.median(times[name]),
                "peakMebibytes": None, "gigaflopsPerSecond": rates[name] if unit == "GF/s" else None,
            })
        for peer in [name for name in ("peak", "openblas", "torch") if name in rates]:
            known_as = "a read of as many bytes" if work.startswith("quantised") else names[peer]
            goal = goals.get(peer)
            line = comparison.row(
                f"{work} / {known_as}", rates["ours"], rates[peer], unit, f"≥ {goal}" if goal else "", at_least=goal)
            rows.append(line if goal else line | {"met": None})
    for side in sides.values():
        side.end()
    print(f"\nkernel level {sides['ours'].greeting['level']}, {comparison.with_threads('each operation', options.threads)}")
    comparison.finish(
        options, rows, measurements, comparison.versions("numpy", "torch"),
        {options.threads: max(peaks)} if peaks else {})


def peak_operations(side):
    """Of one repetition of the work `peak`: 100,000 rounds of 12 vectors' multiply-adds."""
    lanes = {"x86-64-v3": 8, "x86-64-v4": 16, "x86-64-v5": 16}.get(side.greeting["level"], 4)
    return 100_000 * 12 * lanes * 2


main()
