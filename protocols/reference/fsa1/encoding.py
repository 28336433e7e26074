"""How values become bytes."""

import hashlib
import struct

import numpy as np


def label(name):
    """A domain label: its length in one byte, then its ASCII."""
    return bytes([len(name)]) + name.encode("ascii")


def digest(name, message):
    """H(label, message)."""
    return hashlib.sha256(label(name) + message).digest()


def string(text):
    encoded = text.encode()
    return struct.pack("<I", len(encoded)) + encoded


def u16(*values):
    return struct.pack("<%dH" % len(values), *values)


def bitmap(size, ranks):
    """Rank r is bit r mod 8 of byte r / 8."""
    bits = bytearray((size + 7) // 8)
    for rank in ranks:
        bits[rank // 8] |= 1 << rank % 8
    return bytes(bits)


def members(bits, size):
    """The ranks of a bitmap; None when its length is wrong or a spare bit is set."""
    if len(bits) != (size + 7) // 8 or int.from_bytes(bits, "little") >> size:
        return None
    return [rank for rank in range(size) if bits[rank // 8] >> rank % 8 & 1]


# RFC 9162, section 2.1


def _split(count):
    """The largest power of two below count."""
    return 1 << (count - 1).bit_length() - 1


def merkle_root(leaves):
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    middle = _split(len(leaves))
    return hashlib.sha256(b"\1" + merkle_root(leaves[:middle]) + merkle_root(leaves[middle:])).digest()


def inclusion_proof(leaves, index):
    if len(leaves) == 1:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return inclusion_proof(leaves[:middle], index) + [merkle_root(leaves[middle:])]
    return inclusion_proof(leaves[middle:], index - middle) + [merkle_root(leaves[:middle])]


def proved_root(proof, leaf, index, count):
    """The root that a proof leads to; None when it has another length than the place has siblings."""
    if count == 1:
        return hashlib.sha256(b"\0" + leaf).digest() if not proof else None
    if not proof:
        return None
    middle = _split(count)
    left = index < middle
    below = proved_root(proof[:-1], leaf, index if left else index - middle, middle if left else count - middle)
    if below is None:
        return None
    return hashlib.sha256(b"\1" + (below + proof[-1] if left else proof[-1] + below)).digest()


# Lanes


def pack(lanes, bits):
    """Coordinate k at bits kB to kB + B - 1, least significant first, spare bits zero."""
    planes = np.asarray(lanes, dtype=np.uint64)[:, None] >> np.arange(bits, dtype=np.uint64) & np.uint64(1)
    return np.packbits(planes.astype(np.uint8).reshape(-1), bitorder="little").tobytes()


def unpack(payload, bits, count):
    planes = np.unpackbits(np.frombuffer(payload, np.uint8), bitorder="little")[: bits * count].reshape(count, bits)
    return (planes.astype(np.uint64) << np.arange(bits, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
