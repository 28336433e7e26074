"""Writes transcripts.json: whole rounds of FSA-1, computed a second time.

Needs the Python package `cryptography`. Run as `python3 transcripts.py > transcripts.json`. It follows the
specification step by step and shares nothing with the Swift code, so equal bytes mean equal readings of it.
"""

import hashlib
import json
import struct
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def label(name):
    return bytes([len(name)]) + name.encode()


def digest(name, message):
    return hashlib.sha256(label(name) + message).digest()


def string(text):
    return struct.pack("<I", len(text.encode())) + text.encode()


def ranks(*values):
    return b"".join(struct.pack("<H", value) for value in values)


def hkdf(key, info, salt=b"", size=32):
    return HKDF(hashes.SHA256(), size, salt or None, info).derive(key)


def keystream(key, size):
    return Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(size))


def raw(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def point(scalar):
    return raw(X25519PrivateKey.from_private_bytes(scalar))


def product(scalar, peer):
    return X25519PrivateKey.from_private_bytes(scalar).exchange(X25519PublicKey.from_public_bytes(peer))


def root(leaves):
    """RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    middle = 1
    while 2 * middle < len(leaves):
        middle *= 2
    return hashlib.sha256(b"\1" + root(leaves[:middle]) + root(leaves[middle:])).digest()


def bitmap(size, members):
    bits = bytearray((size + 7) // 8)
    for rank in members:
        bits[rank // 8] |= 1 << rank % 8
    return bytes(bits)


def multiply(a, b):
    """GF(2^8) modulo 0x11B."""
    result = 0
    while b:
        if b & 1:
            result ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11B
        b >>= 1
    return result


def share(secret, coefficients, threshold, x):
    """The 64 polynomials' values at x; the coefficient of degree k for byte j is at 64(k - 1) + j."""
    values = bytearray()
    for j in range(64):
        value, power = secret[j], 1
        for k in range(1, threshold):
            power = multiply(power, x)
            value ^= multiply(power, coefficients[64 * (k - 1) + j])
        values.append(value)
    return bytes(values)


def lanes(key, width, count):
    stream = keystream(key, width * count)
    return [int.from_bytes(stream[k * width : (k + 1) * width], "little") for k in range(count)]


def pack(values, bits):
    whole = sum(value << k * bits for k, value in enumerate(values))
    return whole.to_bytes((bits * len(values) + 7) // 8, "little")


def made_up(name, *numbers, size):
    """An input that anyone can make again."""
    text = " ".join([name, *map(str, numbers)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") % size


class Participant:
    def __init__(self, index, plan_hash):
        self.name, self.organisation = "node-%02d" % index, "hospital %d" % index
        self.identity_seed = bytes([index + 1] * 32)
        self.identity = Ed25519PrivateKey.from_private_bytes(self.identity_seed)
        self.seed = hashlib.sha256(b"seed %d" % index).digest()
        self.mu = hkdf(self.seed, label("fsa1/seed/mu"))
        self.b = hkdf(self.seed, label("fsa1/seed/b"))
        self.share_scalar = hkdf(self.seed, label("fsa1/seed/c-x25519"))
        self.mask_scalar = hkdf(self.mu, label("fsa1/mask-x25519"))
        nonce = hkdf(self.seed, label("fsa1/seed/nonce"), size=16)
        commitment = digest("fsa1/commit-b", plan_hash + string(self.name) + self.b)
        self.advert = (
            string(self.name) + string(self.organisation) + raw(self.identity) + plan_hash
            + point(self.share_scalar) + point(self.mask_scalar) + commitment + nonce
        )

    def sign(self, name, message):
        return self.identity.sign(label(name) + message)


def transcript(count, colluders, bits, dimension, tail_lanes, sharers, survivors, confirmers):
    coordinator = Ed25519PrivateKey.from_private_bytes(bytes([99] * 32))
    model_in = hashlib.sha256(b"model").digest()
    grid_close = hashlib.sha256(b"last close").digest()
    plan = (
        string("fsa1") + struct.pack("<HB", 1, 0) + string("hearts") + struct.pack("<Q", 1)
        + struct.pack("<HHH", max(3, colluders + 2), colluders, 65535) + struct.pack("<dd", 1e-3, 5.0)
        + struct.pack("<IIBI", dimension, 1000, 1, tail_lanes) + struct.pack("<d", 65536.0) + string("none")
        + hashlib.sha256(b"trainer").digest() + model_in + grid_close + struct.pack("<Q", 2_000_000_000)
    )
    plan_hash = digest("fsa1/plan", plan)
    people = [Participant(index, plan_hash) for index in range(count)]
    roster_root = root([p.advert for p in people])
    t = digest("fsa1/T", plan_hash + roster_root)
    threshold = (count + colluders) // 2 + 1

    shares = []
    for p in people:
        coefficients = keystream(hkdf(p.seed, label("fsa1/seed/shamir"), t), 64 * (threshold - 1))
        shares.append([share(p.mu + p.b, coefficients, threshold, 1 + rank) for rank in range(count)])

    def sealed(i, j):
        z = product(people[i].share_scalar, point(people[j].share_scalar))
        key = hkdf(z, label("fsa1/share") + ranks(i, j), t)
        return AESGCM(key).encrypt(bytes(12), shares[i][j], t + ranks(i, j))

    def masked(i, values, suffix, width, modulus):
        own = hkdf(people[i].b, label("fsa1/self" + suffix) + ranks(i), t)
        result = [value + mask for value, mask in zip(values, lanes(own, width, len(values)))]
        for j in sharers:
            if j == i:
                continue
            z = product(people[i].mask_scalar, point(people[j].mask_scalar))
            pair = hkdf(z, label("fsa1/pair" + suffix) + ranks(min(i, j), max(i, j)), t)
            sign = 1 if i < j else -1
            result = [value + sign * mask for value, mask in zip(result, lanes(pair, width, len(values)))]
        return [value % modulus for value in result]

    width = 1 if bits <= 8 else 2 if bits <= 16 else 4
    vectors, tails, uploads, upload_signatures = {}, {}, {}, {}
    for i in survivors:
        vectors[i] = [made_up("x", i, k, size=1 << bits) for k in range(dimension)]
        tails[i] = [1 + i] + [made_up("tail", i, k, size=1 << 32) for k in range(1, tail_lanes)]
        uploads[i] = pack(masked(i, vectors[i], "", width, 1 << bits), bits)
        uploads[i] += b"".join(struct.pack("<I", lane) for lane in masked(i, tails[i], "-tail", 4, 1 << 32))
        statement = t + ranks(i) + digest("fsa1/y", uploads[i]) + bitmap(count, [])
        upload_signatures[i] = people[i].sign("fsa1/sig/y", statement)

    uploads_root = root([digest("fsa1/y", uploads[i]) for i in survivors])
    survivors_hash = digest("fsa1/U2", t + bitmap(count, sharers) + bitmap(count, survivors) + uploads_root)

    def answer(i):
        return [
            {"rank": j, "ofSelfMask": j in survivors, "share": (shares[j][i][32:] if j in survivors else shares[j][i][:32]).hex()}
            for j in sharers
        ]

    close = (
        string("hearts") + struct.pack("<Q", 1) + plan_hash + roster_root + survivors_hash + model_in
        + hashlib.sha256(b"next").digest() + struct.pack("<d", 0.25)
        + struct.pack("<QHB", sum(1 + i for i in survivors), len(survivors), 0)
    )
    participants = []
    for i, p in enumerate(people):
        participants.append({
            "name": p.name,
            "organisation": p.organisation,
            "identitySeed": p.identity_seed.hex(),
            "roundSeed": p.seed.hex(),
            "advert": p.advert.hex(),
            "advertSignature": p.sign("fsa1/sig/adv", p.advert).hex(),
            "shares": [sealed(i, j).hex() for j in range(count) if j != i],
            "vector": vectors.get(i),
            "tail": tails.get(i),
            "upload": uploads[i].hex() if i in survivors else None,
            "uploadSignature": upload_signatures[i].hex() if i in survivors else None,
            "confirmation": p.sign("fsa1/sig/h2", survivors_hash).hex() if i in confirmers else None,
            "answer": answer(i) if i in confirmers else None,
        })
    return {
        "colluders": colluders,
        "bits": bits,
        "dimension": dimension,
        "tailLanes": tail_lanes,
        "sharers": sharers,
        "survivors": survivors,
        "confirmers": confirmers,
        "planHash": plan_hash.hex(),
        "planSignature": coordinator.sign(label("fsa1/sig/plan") + plan).hex(),
        "root": roster_root.hex(),
        "transcript": t.hex(),
        "survivorsHash": survivors_hash.hex(),
        "closeSignature": coordinator.sign(label("fsa1/sig/close") + close).hex(),
        "sum": [sum(vectors[i][k] for i in survivors) % (1 << bits) for k in range(dimension)],
        "tail": [sum(tails[i][k] for i in survivors) % (1 << 32) for k in range(tail_lanes)],
        "participants": participants,
    }


rounds = [
    transcript(3, 1, 8, 1, 1, [0, 1, 2], [0, 1, 2], [0, 1, 2]),
    transcript(4, 1, 9, 7, 3, [0, 1, 2, 3], [0, 1, 3], [0, 1, 3]),
    transcript(5, 1, 12, 33, 2, [0, 1, 2, 4], [0, 1, 2, 4], [0, 1, 2, 4]),
    transcript(5, 0, 20, 10, 2, [0, 1, 2, 3, 4], [0, 1, 2], [0, 1, 2]),
    transcript(9, 1, 16, 11, 1, [0, 1, 2, 3, 4, 5, 6, 8], [0, 1, 2, 4, 5, 6, 8], [0, 1, 2, 5, 6, 8]),
    transcript(10, 2, 32, 5, 4, list(range(10)), [0, 1, 2, 3, 5, 6, 7, 8], [0, 1, 2, 3, 6, 7, 8]),
]
json.dump(rounds, sys.stdout, separators=(",", ":"))
