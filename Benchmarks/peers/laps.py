"""A peer's side of a benchmark: `answer(step)` times steps in the rounds that ../comparison.py asks for.

A lap is `steps_per_lap` steps in one call; `prepare`, where there is one, runs before each lap and is not timed.
"""

import json
import sys
import time


def answer(step, steps_per_lap=1, prepare=lambda: None):
    prepare()
    step()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        wall, cpu = [], []
        for _ in range(int(line)):
            prepare()
            wall_began, cpu_began = time.perf_counter(), time.process_time()
            step()
            cpu.append((time.process_time() - cpu_began) * 1000 / steps_per_lap)
            wall.append((time.perf_counter() - wall_began) * 1000 / steps_per_lap)
        print(json.dumps({"wall": wall, "cpu": cpu}), flush=True)
