"""What is signed and hashed, and what everyone derives from it."""

import struct
from dataclasses import dataclass, replace

from .encoding import digest, label, merkle_root, string, u16
from .primitives import hkdf, is_signed


class Refused(Exception):
    """A message was not taken. `name` is what the other implementation calls it too."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


# What no honest coordinator does: a node that meets one of these takes part in nothing until its owner has looked.
ATTACKS = {
    "forgedSignature",
    "changedAdvert",
    "peerChanged",
    "zeroProduct",
    "repeatedKey",
    "repeatedOrganisation",
    "secondRoster",
    "secondSharerSet",
    "secondSurvivorSet",
    "overlappingSets",
    "uploadNotCounted",
    "modelNotInChain",
    "secondClose",
    "closeContradicts",
}


def require(condition, name):
    if not condition:
        raise Refused(name)


KINDS = ["update", "counts", "moments", "evaluation"]


@dataclass(frozen=True)
class Plan:
    kind: str
    run: str
    roundID: int
    minimumSurvivors: int
    assumedColluders: int
    maximumLost: int
    targetError: float
    clipNorm: float
    dimension: int
    maximumWeight: int
    weightRule: int
    tailLanes: int
    metricScale: float
    privacy: str
    trainer: bytes
    modelIn: bytes
    gridClose: bytes
    deadlineSeconds: int
    protocolVersion: int = 1

    @property
    def bytes(self):
        return (
            string("fsa1")
            + struct.pack("<HB", self.protocolVersion, KINDS.index(self.kind))
            + string(self.run)
            + struct.pack("<Q", self.roundID)
            + u16(self.minimumSurvivors, self.assumedColluders, self.maximumLost)
            + struct.pack("<dd", self.targetError, self.clipNorm)
            + struct.pack("<IIBI", self.dimension, self.maximumWeight, self.weightRule, self.tailLanes)
            + struct.pack("<d", self.metricScale)
            + string(self.privacy)
            + self.trainer
            + self.modelIn
            + self.gridClose
            + struct.pack("<Q", self.deadlineSeconds)
        )

    @property
    def hash(self):
        return digest("fsa1/plan", self.bytes)

    @property
    def statistics(self):
        return self.kind in ("counts", "moments")

    def validate(self):
        require(self.protocolVersion == 1, "protocolVersion")
        floor = max(3, self.assumedColluders + 2)
        sound = self.minimumSurvivors >= floor and self.maximumWeight >= 1 and self.weightRule <= 1
        if self.kind == "update":
            sound = sound and self.dimension > 0 and self.tailLanes > 0 and self.clipNorm > 0 and self.targetError > 0
        elif self.statistics:
            sound = sound and self.dimension > 0 and self.tailLanes == 0
        else:
            sound = sound and self.dimension == 0 and self.tailLanes > 0
        require(sound, "impossiblePlan")

    def threshold(self, count):
        """t, and the size of a quorum."""
        return (count + self.assumedColluders) // 2 + 1

    def minimum(self, count):
        """The fewest sharers and survivors."""
        kept = 0 if self.maximumLost == 65535 else count - self.maximumLost
        return max(self.minimumSurvivors, self.threshold(count), kept)

    def check_cohort(self, count):
        require(count >= self.minimumSurvivors, "tooFewParticipants")
        require(count <= 255, "cohortFull")
        require(self.threshold(count) <= count, "thresholdUnreachable")
        require(count * self.maximumWeight < 1 << 31, "weightOverflow")


@dataclass(frozen=True)
class Shape:
    """What an upload holds: B-bit lanes, u32 lanes and u64 lanes."""

    bits: int
    lanes: int
    tail: int
    statistics: int

    @property
    def vector_bytes(self):
        return (self.bits * self.lanes + 7) // 8

    @property
    def byte_count(self):
        return self.vector_bytes + 4 * self.tail + 8 * self.statistics

    def check(self, payload):
        require(len(payload) <= self.byte_count, "oversize")
        require(len(payload) == self.byte_count, "wrongLength")
        used = self.bits * self.lanes % 8
        require(not used or payload[self.vector_bytes - 1] >> used == 0, "paddingBits")


@dataclass(frozen=True)
class Advert:
    name: str
    organisation: str
    identityKey: bytes
    planHash: bytes
    shareKey: bytes
    maskKey: bytes
    commitment: bytes
    nonce: bytes
    signature: bytes = b""

    @property
    def bytes(self):
        return (
            string(self.name)
            + string(self.organisation)
            + self.identityKey
            + self.planHash
            + self.shareKey
            + self.maskKey
            + self.commitment
            + self.nonce
        )

    def signed(self, signer):
        return replace(self, signature=signer.sign("fsa1/sig/adv", self.bytes))

    @property
    def is_signed(self):
        return is_signed(self.identityKey, self.signature, "fsa1/sig/adv", self.bytes)

    def validate(self):
        require((len(self.shareKey), len(self.maskKey), len(self.nonce)) == (32, 32, 16), "wrongLength")
        require(all(1 <= len(text.encode()) <= 255 for text in (self.name, self.organisation)), "malformed")


def repeated_key(adverts):
    keys = [key for advert in adverts for key in (advert.shareKey, advert.maskKey)]
    identities = [advert.identityKey for advert in adverts]
    return len(set(keys)) < len(keys) or len(set(identities)) < len(identities)


def repeated_organisation(adverts):
    return len({advert.organisation for advert in adverts}) < len(adverts)


def roster_root(adverts):
    return merkle_root([advert.bytes for advert in adverts])


def transcript_key(plan, adverts):
    """T. The beacon behind R is empty up to 255 participants."""
    return digest("fsa1/T", plan.hash + roster_root(adverts))


def commitment(plan_hash, name, b):
    return digest("fsa1/commit-b", plan_hash + string(name) + b)


def mask_scalar(mu):
    """s_sk, which whoever rebuilds mu can derive."""
    return hkdf(mu, label("fsa1/mask-x25519"))


def survivors_hash(transcript, sharers, survivors, root):
    """h2, from the bits of U1 and U2."""
    return digest("fsa1/U2", transcript + sharers + survivors + root)


def upload_statement(transcript, rank, payload_digest, unopened):
    return transcript + u16(rank) + payload_digest + unopened


@dataclass(frozen=True)
class Close:
    run: str
    roundID: int
    planHash: bytes
    rosterRoot: bytes
    survivorsHash: bytes
    modelIn: bytes
    modelOut: bytes
    meanNorm: float
    totalWeight: int
    survivors: int
    outcome: int

    @property
    def bytes(self):
        return (
            string(self.run)
            + struct.pack("<Q", self.roundID)
            + self.planHash
            + self.rosterRoot
            + self.survivorsHash
            + self.modelIn
            + self.modelOut
            + struct.pack("<dQHB", self.meanNorm, self.totalWeight, self.survivors, self.outcome)
        )

    @property
    def hash(self):
        return digest("fsa1/close", self.bytes)
