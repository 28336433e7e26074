#!/usr/bin/env python3
"""Privacy losses by Google's dp-accounting, the reference of the accountants in Sources/Privacy.

    python -m venv venv && venv/bin/pip install -r Benchmarks/reference/privacy-requirements.txt
    venv/bin/python Benchmarks/reference/privacy.py table > Tests/PrivacyTests/dp-accounting.json
    venv/bin/python Benchmarks/reference/privacy.py check .build/debug/tributary-bench

`table` prints the 20 points that the tests hold the accountants to. `check` computes 200 points on both sides and fails
unless ours lie between the reference minus 1e-6 and 1% above it.
"""

import json
import logging
import subprocess
import sys

import dp_accounting
from dp_accounting import pld, rdp

# As in RenyiAccountant.orders. Between whole orders dp-accounting adds the absolute values of an alternating series, and
# for many of them gives up.
ORDERS = list(range(2, 64)) + [128, 256, 512]

TABLE = [
    (1.0, 0.01, 1000, 1e-5), (0.6, 0.05, 200, 1e-5), (1.0, 1.0, 20, 1e-5), (2.0, 1.0, 1, 1e-6),
    (0.5, 0.001, 10000, 1e-6), (0.8, 0.02, 500, 1e-6), (1.1, 0.004, 14000, 1e-5), (4.0, 0.1, 5000, 1e-5),
    (10.0, 1.0, 100, 1e-6), (1.5, 0.25, 100, 1e-7), (0.7, 0.1, 50, 1e-5), (3.0, 0.5, 300, 1e-5),
    (0.9, 0.0005, 50000, 1e-8), (20.0, 0.3, 1000, 1e-5), (1.0, 0.02, 1, 1e-5), (5.0, 0.05, 1000, 1e-3),
    (0.4, 0.01, 100, 1e-5), (1.2, 0.08, 800, 1e-6), (2.5, 0.15, 2000, 1e-5), (0.75, 0.003, 3000, 1e-7),
]

# Losses up to about 100. Far above, dp-accounting is coarse: 300 full steps at 0.5 cost 746.797 by the closed formula at a
# delta of 1e-5, and 747.740 by its PLD.
GRID = [(sigma, rate, steps, delta)
        for sigma in (0.6, 0.8, 1.0, 2.0, 6.0)
        for rate in (0.001, 0.005, 0.02, 0.1, 1.0)
        for steps in ((1, 30, 300, 3000) if rate < 0.1 else (1, 3, 10, 30))
        for delta in (1e-5, 1e-7)]


def reference(sigma, rate, steps, delta):
    event = dp_accounting.SelfComposedDpEvent(
        dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(sigma)), steps)
    renyi = rdp.RdpAccountant(orders=ORDERS)
    renyi.compose(event)
    exact = pld.PLDAccountant()
    exact.compose(event)
    return {"sigma": sigma, "rate": rate, "steps": steps, "delta": delta,
            "rdp": float(renyi.get_epsilon(delta)), "pld": float(exact.get_epsilon(delta))}


def check(tool):
    points = "\n".join(" ".join(map(repr, point)) for point in GRID)
    ours = subprocess.run([tool, "privacy"], input=points, capture_output=True, text=True, check=True).stdout
    worst = {"rdp": [0.0, 0.0], "pld": [0.0, 0.0]}
    failures = 0
    for point, line in zip(GRID, ours.splitlines(), strict=True):
        expected = reference(*point)
        for name, value in zip(("rdp", "pld"), map(float, line.split()), strict=True):
            oracle = expected[name]
            worst[name][0] = max(worst[name][0], oracle - value)
            worst[name][1] = max(worst[name][1], (value - oracle) / oracle if oracle > 1e-9 else value)
            if not oracle - 1e-6 <= value <= 1.01 * oracle + 1e-6:
                failures += 1
                print(f"{point}: {name} is {value}, the reference says {oracle}")
    for name, (below, above) in worst.items():
        print(f"{name}: at most {below:.2e} below the reference, at most {100 * above:.4f}% above it")
    print(f"{len(GRID)} points, {failures} outside")
    return 1 if failures else 0


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    if sys.argv[1:] == ["table"]:
        rows = [reference(*point) for point in TABLE]
        print("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]")
    elif len(sys.argv) == 3 and sys.argv[1] == "check":
        sys.exit(check(sys.argv[2]))
    else:
        sys.exit(__doc__)
