"""A `table` specialist read with the reference safetensors package and evaluated in numpy, as docs/specialist-format.md
describes it."""

import json
import math
import sys

import numpy as np
import safetensors

from tables import Columns

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


class Specialist:
    """An exported file: the columns it reads, its network, and the lineage in its metadata."""

    def __init__(self, path):
        with safetensors.safe_open(path, framework="numpy") as file:
            self.metadata = file.metadata() or {}
            self.tensors = {name: file.get_tensor(name).astype(float) for name in file.keys()}
        if self.metadata.get("tributary.format") != "table/1":
            sys.exit(f"{path}: not a specialist of the format table/1")
        self.network = self._json("network")
        statistics = self._json("standardisation")["columns"]
        self.columns = Columns(
            schema=self._json("schema"),
            kept=self._json("columns")["kept"],
            mean={column["name"]: column["mean"] for column in statistics},
            deviation={column["name"]: column["deviation"] for column in statistics},
        )

    def _json(self, name):
        return json.loads(self.metadata[f"tributary.{name}"])

    def probabilities(self, rows):
        """The probability of class 1 of a binary label, [rows]; of every class otherwise, [rows, classes]."""
        x = self.columns.features(rows)
        last = len(self.network["hidden"])
        for layer in range(last + 1):
            x = x @ self.tensors[f"layers.{layer}.weight"].T + self.tensors[f"layers.{layer}.bias"]
            if layer < last:
                x = ACTIVATIONS[self.network["activation"]](x)
        if x.shape[1] == 1:
            return 1 / (1 + np.exp(-x[:, 0]))
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
