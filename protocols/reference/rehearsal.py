"""Whole rounds with everyone in one process, and how they are written down."""

import hashlib
from dataclasses import asdict, dataclass, field

import numpy as np

from fsa1.coordinator import Coordinator
from fsa1.masks import Lanes
from fsa1.messages import Close, Plan, Shape
from fsa1.participant import Participant
from fsa1.primitives import Signer, keystream

# In the order of their bytes, which is not that of any dictionary.
NAMES = ["Zug", "aarau", "basel", "bern", "chur", "genf", "sion", "thun", "uri", "\u00e9vian"]


def sha256(text):
    return hashlib.sha256(text.encode()).digest()


@dataclass(frozen=True)
class Scenario:
    """A round to be run. Losses are ranks that stop for good before the message named."""

    name: str
    count: int
    colluders: int
    bits: int
    dimension: int
    tail: int = 3
    kind: str = "update"
    maximum_lost: int = 65535
    before_shares: tuple = ()
    before_upload: tuple = ()
    before_confirmation: tuple = ()
    before_answer: tuple = ()
    spoilt: tuple = ()  # (sender, recipient): the first byte of the sealed share is changed on its way
    lying: tuple = ()  # ranks whose answers hold a wrong share of each secret

    @property
    def plan(self):
        statistics = self.kind in ("counts", "moments")
        return Plan(
            kind=self.kind,
            run="hearts",
            roundID=(3 << 32) + 1,
            minimumSurvivors=max(3, self.colluders + 2),
            assumedColluders=self.colluders,
            maximumLost=self.maximum_lost,
            targetError=1e-3,
            clipNorm=5.0,
            dimension=0 if self.kind == "evaluation" else self.dimension,
            maximumWeight=1000,
            weightRule=1,
            tailLanes=0 if statistics else self.tail,
            metricScale=65536.0,
            privacy="none",
            trainer=sha256("trainer"),
            modelIn=sha256("model"),
            gridClose=sha256("last close"),
            deadlineSeconds=2_000_000_000,
        )

    @property
    def shape(self):
        plan = self.plan
        return Shape(
            bits=self.bits,
            lanes=plan.dimension if self.kind == "update" else 0,
            tail=plan.tailLanes,
            statistics=plan.dimension if plan.statistics else 0,
        )

    def input(self, name):
        """A node's lanes, which anyone can make again: keystreams read as u32, or u64 for statistics."""
        shape = self.shape

        def words(part, width, count):
            stream = keystream(sha256("%s/%s/%s" % (self.name, name, part)), width * count)
            return np.frombuffer(stream, "<u%d" % width).astype(np.uint64)

        vector = words("vector", 4, shape.lanes) & np.uint64((1 << self.bits) - 1)
        tail = words("tail", 4, shape.tail)
        if shape.tail:
            tail[0] = 1 + tail[0] % np.uint64(self.plan.maximumWeight)
        return Lanes(vector, tail, words("statistics", 8, shape.statistics))


class Rehearsal:
    """A scenario's coordinator and participants, stage by stage. What was sent stays, by rank."""

    def __init__(self, scenario):
        self.scenario = scenario
        self.plan, self.shape = scenario.plan, scenario.shape
        self.signer = Signer(sha256("coordinator"))
        self.signature = self.signer.sign("fsa1/sig/plan", self.plan.bytes)
        self.coordinator = Coordinator(self.plan)
        self.names = NAMES[: scenario.count]
        self.seeds = [(sha256(name + "/identity"), sha256(scenario.name + "/" + name)) for name in self.names]
        self.participants = [
            Participant(name, name + " hospital", Signer(identity), seed, self.signer.public)
            for name, (identity, seed) in zip(self.names, self.seeds)
        ]
        self.inputs = [scenario.input(name) for name in self.names]
        self.shares, self.uploads, self.confirmations, self.answers = {}, {}, {}, {}

    def gather(self):
        self.adverts = [p.advertise(self.plan, self.signature) for p in self.participants]
        for advert in reversed(self.adverts):
            self.coordinator.take_advert(advert, (advert.name, advert.organisation, advert.identityKey))
        self.coordinator.freeze_roster(self.shape)

    def share(self):
        for rank, participant in enumerate(self.participants):
            message = participant.share(self.coordinator.adverts, self.shape)
            if rank not in self.scenario.before_shares:
                for share in message["shares"]:
                    if (rank, share["rank"]) in self.scenario.spoilt:
                        share["ciphertext"] = bytes([share["ciphertext"][0] ^ 1]) + share["ciphertext"][1:]
                self.shares[rank] = message
                self.coordinator.take_shares(message, self.names[rank])
        self.coordinator.freeze_sharers()

    def collect(self):
        for rank in self.coordinator.sharers:
            if rank not in self.scenario.before_upload:
                self.participants[rank].receive(*self.coordinator.delivery(rank))
                lanes = self.scenario.input(self.names[rank])
                self.uploads[rank] = self.participants[rank].upload(lanes)
                self.coordinator.take_upload(self.uploads[rank], self.names[rank])
        self.coordinator.freeze_survivors()

    def confirm(self):
        for rank in self.coordinator.survivors:
            if rank not in self.scenario.before_confirmation:
                self.confirmations[rank] = self.participants[rank].confirm(*self.coordinator.survivor_set(rank))
                self.coordinator.take_confirmation(self.confirmations[rank], self.names[rank])
        self.quorum = self.coordinator.freeze_confirmations()

    def reveal(self):
        for rank in self.confirmations:
            if rank not in self.scenario.before_answer:
                answer = self.participants[rank].answer(*self.quorum)
                if rank in self.scenario.lying:
                    for entry in answer["entries"]:
                        entry["share"] = bytes([entry["share"][0] ^ 0x10]) + entry["share"][1:]
                self.answers[rank] = answer
                self.coordinator.take_answer(answer, self.names[rank])

    def finish(self):
        self.sum, self.wrong = self.coordinator.unmask()
        plain = Lanes.zero(self.shape)
        for rank in self.coordinator.survivors:
            plain.add(self.inputs[rank])
        plain = plain.reduced(self.scenario.bits)
        assert all(np.array_equal(getattr(plain, part), getattr(self.sum, part)) for part in vars(plain))
        total = int(self.sum.tail[0]) if self.shape.tail else 0
        self.close = Close(
            run=self.plan.run,
            roundID=self.plan.roundID,
            planHash=self.plan.hash,
            rosterRoot=self.coordinator.root,
            survivorsHash=self.coordinator.hash,
            modelIn=self.plan.modelIn,
            modelOut=sha256(self.scenario.name + "/model"),
            meanNorm=0.25 if self.scenario.kind == "update" else 0.0,
            totalWeight=total,
            survivors=len(self.coordinator.survivors),
            outcome=0,
        )

    def run(self):
        for stage in (self.gather, self.share, self.collect, self.confirm, self.reveal, self.finish):
            stage()
        return self


# As JSON


def written(value):
    """Bytes as hexadecimal digits, all the way down."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(item) for item in value]
    return value


def pinned(data, limit=64):
    """All bytes of what is small; of the rest its length, SHA-256 and both ends."""
    if len(data) <= limit:
        return {"bytes": data.hex()}
    return {
        "count": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "first": data[:32].hex(),
        "last": data[-32:].hex(),
    }


def lanes(values):
    """Lanes as u32 little-endian, or u64 for statistics."""
    return {
        "vector": pinned(values.vector.astype("<u4").tobytes()),
        "tail": pinned(values.tail.astype("<u4").tobytes()),
        "statistics": pinned(values.statistics.astype("<u8").tobytes()),
    }


def transcript(rehearsal):
    r, c, scenario = rehearsal, rehearsal.coordinator, rehearsal.scenario
    return written({
        "name": scenario.name,
        "coordinatorSeed": sha256("coordinator"),
        "plan": asdict(r.plan),
        "planBytes": r.plan.bytes,
        "planHash": r.plan.hash,
        "planSignature": r.signature,
        "shape": {
            "bits": r.shape.bits, "lanes": r.shape.lanes, "tail": r.shape.tail, "statistics": r.shape.statistics
        },
        "members": [
            {"name": p.name, "organisation": p.organisation, "identitySeed": identity, "roundSeed": seed}
            for p, (identity, seed) in zip(r.participants, r.seeds)
        ],
        "losses": {
            "beforeShares": scenario.before_shares,
            "beforeUpload": scenario.before_upload,
            "beforeConfirmation": scenario.before_confirmation,
            "beforeAnswer": scenario.before_answer,
        },
        "spoilt": scenario.spoilt,
        "lying": scenario.lying,
        "adverts": [asdict(advert) for advert in r.adverts],
        "rosterRoot": c.root,
        "transcript": c.transcript,
        "threshold": c.threshold,
        "minimumSurvivors": c.minimum,
        "shares": [r.shares[rank] for rank in sorted(r.shares)],
        "sharers": c.sharer_bits,
        "inputs": [lanes(values) for values in r.inputs],
        "uploads": [{**r.uploads[k], "payload": pinned(r.uploads[k]["payload"])} for k in sorted(r.uploads)],
        "survivors": c.survivor_bits,
        "uploadsRoot": c.uploads_root,
        "inclusionProofs": [c.survivor_set(rank)[3] for rank in c.survivors],
        "survivorsHash": c.hash,
        "confirmations": [r.confirmations[rank] for rank in sorted(r.confirmations)],
        "answers": [r.answers[rank] for rank in sorted(r.answers)],
        "wrongShares": r.wrong,
        "sum": lanes(r.sum),
        "close": asdict(r.close),
        "closeBytes": r.close.bytes,
        "closeHash": r.close.hash,
        "closeSignature": r.signer.sign("fsa1/sig/close", r.close.bytes),
    })
