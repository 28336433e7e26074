"""From a model's change to lanes, and from a sum of lanes back to the mean. Section 7."""

import math
from dataclasses import dataclass

import numpy as np

from .encoding import digest, label, u16
from .messages import require
from .primitives import hkdf, keystream


def norm(values):
    """The L2 norm, squares summed in double precision from the first to the last."""
    squares = values.astype(np.float64) ** 2
    return math.sqrt(np.add.accumulate(squares)[-1])


def clipped(delta, weight, maximum_weight, clip_norm):
    require(np.isfinite(delta).all(), "notFinite")
    require(weight > 0, "zeroWeight")
    length = norm(delta)
    factor = (min(1.0, clip_norm / length) if length else 1.0) * weight / maximum_weight
    return (delta.astype(np.float64) * factor).astype(np.float32)


class Rotation:
    def __init__(self, dimension, transcript):
        self.dimension = dimension
        self.blocks = [1 << 15] * (dimension >> 15) + [1 << k for k in range(14, 7, -1) if dimension >> k & 1]
        rest = dimension & 0xFF
        if rest:
            self.blocks.append(1 << (rest - 1).bit_length())
        self.padded = sum(self.blocks)
        self.stride = self.padded * 0x9E3779B9 >> 32
        while math.gcd(self.stride, self.padded) != 1:
            self.stride += 1
        seed = digest("fsa1/rotation-seed", transcript)
        self.signs = [self._signs(hkdf(seed, label("fsa1/rotate") + u16(number))) for number in (1, 2)]

    def _signs(self, key):
        stream = np.frombuffer(keystream(key, (self.padded + 7) // 8), np.uint8)
        bits = np.unpackbits(stream, bitorder="little")[: self.padded]
        return np.where(bits == 1, -1.0, 1.0)

    def _hadamard(self, values):
        """Each block's butterflies in the type of the values, then one multiplication by that type's 1 / sqrt(m)."""
        start = 0
        for m in self.blocks:
            block = values[start : start + m]
            h = 1
            while h < m:
                pairs = block.reshape(-1, 2, h)
                a, b = pairs[:, 0].copy(), pairs[:, 1].copy()
                pairs[:, 0], pairs[:, 1] = a + b, a - b
                h *= 2
            block *= values.dtype.type(1 / math.sqrt(m))
            start += m
        return values

    @property
    def _places(self):
        return np.arange(self.padded, dtype=np.int64) * self.stride % self.padded

    def forward(self, x):
        values = np.zeros(self.padded, np.float32)
        values[: self.dimension] = x
        first = self._hadamard(values * self.signs[0].astype(np.float32))
        return self._hadamard(first[self._places] * self.signs[1].astype(np.float32))

    def inverse(self, y):
        second = self._hadamard(y.copy()) * self.signs[1]
        first = np.empty_like(second)
        first[self._places] = second
        return (self._hadamard(first) * self.signs[0])[: self.dimension]


@dataclass(frozen=True)
class LastClose:
    """What the close that grid_close names says, if it ended done."""

    meanNorm: float
    totalWeight: int
    survivors: int
    maximumWeight: int


@dataclass(frozen=True)
class Grid:
    bits: int
    step: float
    monitored: bool


def grid(count, dimension, padded, clip_norm, target_error, last):
    widest = Grid(24, count * clip_norm / (2.0**23 - 2.0**15), False)
    if dimension <= 65536 or last is None or last.meanNorm == 0 or last.totalWeight == 0:
        return widest
    sigma = count * last.meanNorm / math.sqrt(padded)
    reach = min(8.125 * sigma, count * clip_norm)
    u = last.totalWeight / (last.survivors * last.maximumWeight)
    bits = 8
    while bits < 32 and 4.0**bits * (u * u) * target_error < 44 * count:
        bits += 1
    step = 2 * reach / 2.0**bits
    return Grid(bits, step, True) if clip_norm / step < 2.0**52 else widest


def rounded(values, chosen, coins):
    """Coins are four bytes for each coordinate."""
    r = np.frombuffer(coins, "<u4").astype(np.float64) * 2.0**-32
    q = np.floor(values.astype(np.float64) / chosen.step + r).astype(np.int64)
    return (q & ((1 << chosen.bits) - 1)).astype(np.uint64)


def mean(lanes, chosen, total_weight, survivors, maximum_weight, rotation):
    require(survivors <= total_weight <= survivors * maximum_weight, "impossibleTotalWeight")
    half = 1 << chosen.bits - 1
    lifted = (lanes.astype(np.int64) + half) % (2 * half) - half
    if chosen.monitored:
        beyond = int((5 * np.abs(lifted) > 4 * half).sum())
        calm = beyond == 0 if rotation.dimension < 1_000_000 else beyond < 1e-6 * rotation.padded
        require(calm, "occupancyAlarm")
    values = lifted.astype(np.float64) * chosen.step * maximum_weight / total_weight
    return rotation.inverse(values).astype(np.float32)
