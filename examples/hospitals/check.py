#!/usr/bin/env python3
"""Checks an exported specialist against what `tributary predict` makes of it.

    check.py SPECIALIST.safetensors ROWS.csv PREDICTIONS.csv

Loads the file with the reference safetensors package, computes the predictions of ROWS in numpy from the file's own
metadata, and compares them with PREDICTIONS, which `tributary predict SPECIALIST ROWS --output PREDICTIONS` wrote.
"""

import argparse
import pathlib
import sys

import numpy as np

from specialist import Specialist
from tables import read_rows

TOLERANCE = 1e-5


def largest_difference(specialist, rows, predictions):
    """The largest absolute difference between numpy's probabilities and the predictions of the same rows."""
    if len(rows) != len(predictions):
        sys.exit(f"check: {len(predictions)} predictions for {len(rows)} rows")
    expected = specialist.probabilities(rows)
    if expected.ndim == 1:
        expected = np.stack([1 - expected, expected], axis=1)
    names = [f"probability_{value}" for value in specialist.columns.schema["label"]["values"]]
    found = np.array([[float(prediction[name]) for name in names] for prediction in predictions])
    return np.abs(found - expected).max()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("specialist", type=pathlib.Path)
    parser.add_argument("rows", type=pathlib.Path)
    parser.add_argument("predictions", type=pathlib.Path)
    arguments = parser.parse_args()

    rows = read_rows(arguments.rows)
    difference = largest_difference(Specialist(arguments.specialist), rows, read_rows(arguments.predictions))
    if not difference <= TOLERANCE:
        sys.exit(f"check: predictions differ from numpy's by up to {difference:.2e}, at most {TOLERANCE:.0e} allowed")
    print(f"{len(rows)} predictions agree with numpy and the reference safetensors package to {difference:.1e}")


if __name__ == "__main__":
    main()
