"""Rows of a table as the features that a `table` specialist sees: an independent implementation in numpy.

Follows docs/specialist-format.md, not the product's code, so that check.py compares two readings of one document.
"""

import csv
from dataclasses import dataclass

import numpy as np


def read_rows(path):
    """The rows of a CSV file as dictionaries of text."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@dataclass
class Columns:
    """The columns of a schema that a model reads, and the mean and deviation of each number."""

    schema: dict
    kept: list  # names, in the schema's order
    mean: dict  # number column -> mean in the column's own units, NaN where no value is known
    deviation: dict

    @classmethod
    def measured(cls, schema, kept, rows):
        """Measures `rows` as the federated statistics would: u = (value - centre) / halfRange, clamped to [-1, 1]."""
        mean, deviation = {}, {}
        for column in _numbers(schema, kept):
            low, high = column["range"]
            centre, half = (low + high) / 2, (high - low) / 2
            u = np.clip((_values(column, rows) - centre) / half, -1, 1)
            u = u[~np.isnan(u)]
            spread = np.sqrt(max(np.mean(u * u) - np.mean(u) ** 2, 0)) if len(u) else 0
            mean[column["name"]] = centre + half * np.mean(u) if len(u) else np.nan
            deviation[column["name"]] = half * spread if spread > 0 else 1
        return cls(schema, kept, mean, deviation)

    def features(self, rows):
        """[rows, features]: standardised numbers, missing ones 0; then one column for each category's value."""
        parts = []
        for column in self.schema["columns"]:
            name = column["name"]
            if name not in self.kept:
                continue
            if column["type"] == "number":
                value = (_values(column, rows) - self.mean[name]) / self.deviation[name]
                parts.append(np.nan_to_num(value, nan=0.0)[:, None])
            else:
                cells = np.array([row[name].strip() for row in rows])
                parts.append(np.stack([cells == value for value in column["values"]], axis=1).astype(float))
        return np.concatenate(parts, axis=1)


def labels(schema, rows):
    """The class of each row, 0 or 1."""
    return np.array([schema["label"]["values"].index(row[schema["label"]["name"]]) for row in rows])


def mostly_recorded(schema, rows):
    """The names of the columns that hold a value in at least half of `rows`."""
    return [column["name"] for column in schema["columns"] if np.mean(_present(column, rows)) >= 0.5]


def _numbers(schema, kept):
    return [column for column in schema["columns"] if column["type"] == "number" and column["name"] in kept]


def _values(column, rows):
    """A number column as floats; NaN where the cell is empty, outside the range or a code that means missing."""
    low, high = column["range"]
    cells = (row[column["name"]].strip() for row in rows)
    values = (float(cell) if cell else np.nan for cell in cells)
    return np.array([v if low <= v <= high and v not in column.get("missing", []) else np.nan for v in values])


def _present(column, rows):
    if column["type"] == "number":
        return ~np.isnan(_values(column, rows))
    return np.array([row[column["name"]].strip() in column["values"] for row in rows])
