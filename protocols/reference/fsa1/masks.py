"""Masks: what is added to a node's lanes so that they say nothing alone and cancel in the sum."""

from dataclasses import dataclass

import numpy as np

from .encoding import label, pack, u16, unpack
from .primitives import hkdf, keystream

PARTS = ("vector", "tail", "statistics")
SUFFIXES = {"vector": "", "tail": "-tail", "statistics": "-stat"}


@dataclass
class Lanes:
    """The three parts of an upload, each mod a power of two. All arithmetic is mod 2^64, which each divides."""

    vector: np.ndarray
    tail: np.ndarray
    statistics: np.ndarray

    @classmethod
    def zero(cls, shape):
        return cls(*(np.zeros(count, np.uint64) for count in (shape.lanes, shape.tail, shape.statistics)))

    def add(self, other, sign=1):
        for part in PARTS:
            mine, theirs = getattr(self, part), getattr(other, part)
            setattr(self, part, mine + theirs if sign > 0 else mine - theirs)

    def reduced(self, bits):
        return Lanes(
            self.vector & np.uint64((1 << bits) - 1), self.tail & np.uint64((1 << 32) - 1), self.statistics.copy()
        )

    def packed(self, bits):
        lanes = self.reduced(bits)
        return pack(lanes.vector, bits) + lanes.tail.astype("<u4").tobytes() + lanes.statistics.astype("<u8").tobytes()

    @classmethod
    def unpacked(cls, payload, shape):
        end = shape.vector_bytes
        return cls(
            unpack(payload[:end], shape.bits, shape.lanes),
            np.frombuffer(payload, "<u4", shape.tail, end).astype(np.uint64),
            np.frombuffer(payload, "<u8", shape.statistics, end + 4 * shape.tail).astype(np.uint64),
        )


def _mask(secret, name, ranks, transcript, shape):
    def lanes(part, width, count):
        key = hkdf(secret, label(name + SUFFIXES[part]) + u16(*ranks), salt=transcript)
        return np.frombuffer(keystream(key, width * count), "<u%d" % width).astype(np.uint64)

    width = 1 if shape.bits <= 8 else 2 if shape.bits <= 16 else 4
    return Lanes(
        lanes("vector", width, shape.lanes), lanes("tail", 4, shape.tail), lanes("statistics", 8, shape.statistics)
    )


def own_mask(b, rank, transcript, shape):
    return _mask(b, "fsa1/self", (rank,), transcript, shape)


def pair_mask(product, i, j, transcript, shape):
    """The mask of a pair: the lower rank adds it, the higher subtracts it."""
    return _mask(product, "fsa1/pair", (min(i, j), max(i, j)), transcript, shape)
