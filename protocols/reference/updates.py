"""Updates on their way to lanes and back, with the grid that each round would use."""

import struct
from dataclasses import asdict, dataclass

import numpy as np

from fsa1.messages import Refused
from fsa1.primitives import keystream
from fsa1.update import LastClose, Rotation, clipped, grid, mean, norm, rounded
from rehearsal import pinned, sha256

WEIGHTS = (1000, 17, 400)


@dataclass(frozen=True)
class Case:
    name: str
    dimension: int
    count: int = 3
    clipNorm: float = 5.0
    targetError: float = 1e-3
    last: LastClose = None


CASES = [
    Case("one", 1),
    Case("seven", 7),
    Case("twenty", 20, clipNorm=0.01),
    Case("three hundred", 300),
    Case("a thousand", 1000, count=255),
    Case("two blocks", 32771),
    Case("without a close", 70_000),
    Case("nine bits", 70_000, last=LastClose(2.0, 3000, 3, 1000)),
    Case("ten bits", 70_000, count=10, last=LastClose(1.0, 9000, 9, 1000)),
    Case("weights far below the greatest", 70_000, count=10, last=LastClose(1.0, 90, 9, 1000)),
    Case("no further than all clipped", 66_000, clipNorm=0.5, last=LastClose(400.0, 3000, 3, 1000)),
    Case("a norm of zero", 70_000, last=LastClose(0.0, 3000, 3, 1000)),
    Case("a norm that collapsed", 70_000, last=LastClose(1e-18, 3000, 3, 1000)),
    Case("a norm that fell, and an alarm", 70_000, last=LastClose(0.004, 3000, 3, 1000)),
]


def made(case):
    transcript = sha256(case.name + "/transcript")
    rotation = Rotation(case.dimension, transcript)
    chosen = grid(case.count, case.dimension, rotation.padded, case.clipNorm, case.targetError, case.last)
    vectors = []
    for member, weight in enumerate(WEIGHTS):
        stream = keystream(sha256("%s/%d/delta" % (case.name, member)), 2 * case.dimension)
        delta = ((np.frombuffer(stream, "<u2").astype(np.float64) - 32768) / 2**20).astype(np.float32)
        coins = keystream(sha256("%s/%d/coins" % (case.name, member)), 4 * rotation.padded)
        scaled = clipped(delta, weight, 1000, case.clipNorm)
        vectors.append(rounded(rotation.forward(scaled), chosen, coins))
    total = sum(vectors) & np.uint64((1 << chosen.bits) - 1)
    entry = {
        "name": case.name,
        "count": case.count,
        "dimension": case.dimension,
        "clipNorm": case.clipNorm,
        "targetError": case.targetError,
        "maximumWeight": 1000,
        "last": asdict(case.last) if case.last else None,
        "transcript": transcript.hex(),
        "weights": list(WEIGHTS),
        "padded": rotation.padded,
        "bits": chosen.bits,
        "step": struct.pack("<d", chosen.step).hex(),
        "monitored": chosen.monitored,
        "lanes": [pinned(lanes.astype("<u4").tobytes()) for lanes in vectors],
    }
    try:
        result = mean(total, chosen, sum(WEIGHTS), len(WEIGHTS), 1000, rotation)
    except Refused as refusal:
        return {**entry, "error": refusal.name}
    return {**entry, "mean": pinned(result.astype("<f4").tobytes()), "meanNorm": struct.pack("<d", norm(result)).hex()}


def files():
    return {"updates.json": [made(case) for case in CASES]}
