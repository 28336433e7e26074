"""Counts what a step of training takes from the heap once it has warmed up: nothing on one thread.

With more threads every operation that is divided among them takes a closure of 32 bytes, and nothing else. Needs Linux with
glibc, and a C compiler.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import comparison as c

LAPS = 4


def works(models):
    minilm, smollm2 = models / "minilm", models / "smollm2-q4_1.gguf"
    short = ["--batch", 4, "--length", 32, "--precision", "fp32"]
    for widths in ("64,32,10", "784,128,10"):
        yield f"table step {widths.replace(',', '-')}", 500, ["table", "--widths", widths, "--batch", 32]
    for method in ("lora", "full"):
        yield f"MiniLM {method} step 4×32", 1, ["encoder-training", "--model", minilm, "--method", method, *short]
    yield "SmolLM2 LoRA q,v step 4×32", 1, ["decoder-training", "--model", smollm2, "--targets", "query,value", *short]


def count(tool, words, library, threads):
    """The most that one of some laps took, and the fewest."""
    answer = subprocess.run(
        [str(word) for word in [tool, *words]], input="1\n" * LAPS, text=True, stdout=subprocess.PIPE, check=True,
        env=os.environ | {"LD_PRELOAD": str(library), "TRIBUTARY_THREADS": str(threads)}).stdout
    laps = [json.loads(line)["allocations"][0] for line in answer.splitlines()[1:]]
    return max(laps), min(laps)


def main():
    arguments = c.parser(__doc__).parse_args()
    compiler = shutil.which("cc") or shutil.which("clang")
    if not compiler or sys.platform != "linux":
        sys.exit("allocations: error: needs Linux and a C compiler")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder, "allocations.so")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, c.HERE / "allocations.c"], check=True)
        for threads in c.thread_counts(arguments):
            for name, steps, words in works(arguments.models):
                most, fewest = count(arguments.tool, words, library, threads)
                # A lap of many steps is an epoch, whose beginning takes memory once.
                failed |= threads == 1 and fewest >= steps
                print(f"{c.with_threads(name, threads)}: {most} allocations in {steps} step{'s' * (steps > 1)}, at least {fewest}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
