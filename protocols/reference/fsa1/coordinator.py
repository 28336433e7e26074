"""The coordinator's side of one round."""

from .encoding import bitmap, digest, inclusion_proof, members, merkle_root
from .masks import Lanes, own_mask, pair_mask
from .messages import (
    commitment,
    mask_scalar,
    repeated_key,
    repeated_organisation,
    require,
    roster_root,
    survivors_hash,
    transcript_key,
    upload_statement,
)
from .primitives import is_signed, x25519, x25519_point
from . import sharing


class Coordinator:
    """Takes messages until it freezes a phase's set. `caller` is who the connection says is calling."""

    def __init__(self, plan):
        plan.validate()
        self.plan = plan
        self.phase = "gathering"
        self.adverts, self.shares, self.uploads, self.confirmations, self.answers = [], {}, {}, {}, {}

    # M0, S0

    def take_advert(self, advert, caller):
        require((advert.name, advert.organisation, advert.identityKey) == caller, "notTheCaller")
        for known in self.adverts:
            if known.name == advert.name:
                require(known == advert, "changedMessage")
                return
        require(self.phase == "gathering", "outOfPhase")
        advert.validate()
        require(advert.planHash == self.plan.hash, "wrongPlan")
        require(advert.is_signed, "badSignature")
        for key in (advert.shareKey, advert.maskKey):
            require(x25519(bytes([0x55] * 32), key), "lowOrderPoint")
        extended = self.adverts + [advert]
        require(not repeated_key(extended), "keyTwice")
        require(not repeated_organisation(extended), "organisationTwice")
        require(len(extended) <= 255, "cohortFull")
        self.adverts = extended

    def freeze_roster(self, shape):
        self.plan.check_cohort(len(self.adverts))
        require(len(self.adverts) >= self.plan.minimum(len(self.adverts)), "tooFewParticipants")
        self.adverts = sorted(self.adverts, key=lambda advert: advert.name.encode())
        self.shape, self.phase = shape, "sharing"
        self.root, self.transcript = roster_root(self.adverts), transcript_key(self.plan, self.adverts)
        self.count = len(self.adverts)
        self.threshold, self.minimum = self.plan.threshold(self.count), self.plan.minimum(self.count)

    def _rank(self, caller, claimed):
        names = [advert.name for advert in self.adverts]
        require(caller in names, "stranger")
        rank = names.index(caller)
        require(rank == claimed, "notTheCaller")
        return rank

    # M1, S1

    def take_shares(self, message, caller):
        rank = self._rank(caller, message["rank"])
        if rank in self.shares:
            require(self.shares[rank] == message, "changedMessage")
            return
        require(self.phase == "sharing", "outOfPhase")
        require(len(message["shares"]) == self.count - 1, "wrongLength")
        require([share["rank"] for share in message["shares"]] == [j for j in range(self.count) if j != rank], "malformed")
        require(all(len(share["ciphertext"]) == 80 for share in message["shares"]), "wrongLength")
        self.shares[rank] = message

    def freeze_sharers(self):
        require(len(self.shares) >= self.minimum, "tooFewSharers")
        self.sharers, self.phase = sorted(self.shares), "collecting"
        self.sharer_bits = bitmap(self.count, self.sharers)

    def delivery(self, recipient):
        shares = []
        for sender in self.sharers:
            for share in self.shares[sender]["shares"]:
                if share["rank"] == recipient:
                    shares.append({"rank": sender, "ciphertext": share["ciphertext"]})
        return self.sharer_bits, shares

    # M2, S2

    def take_upload(self, message, caller):
        rank = self._rank(caller, message["rank"])
        if rank not in self.uploads:
            require(self.phase in ("sharing", "collecting"), "lateUpload")
            require(self.phase == "collecting", "outOfPhase")
            self.shape.check(message["payload"])
        require(digest("fsa1/y", message["payload"]) == message["digest"], "wrongDigest")
        if rank in self.uploads:
            require(self.uploads[rank] == message, "changedMessage")
            return
        require(rank in self.sharers, "stranger")
        unopened = members(message["unopened"], self.count)
        require(unopened is not None and set(unopened) <= set(self.sharers) - {rank}, "malformed")
        statement = upload_statement(self.transcript, rank, message["digest"], message["unopened"])
        key = self.adverts[rank].identityKey
        require(is_signed(key, message["signature"], "fsa1/sig/y", statement), "badSignature")
        self.uploads[rank] = message

    def freeze_survivors(self):
        """Without those whose shares too many could not open: their masks could not be removed."""
        tolerated = len(self.sharers) - self.threshold
        lost = [rank for upload in self.uploads.values() for rank in members(upload["unopened"], self.count)]
        ranks = [rank for rank in sorted(self.uploads) if lost.count(rank) <= tolerated]
        require(len(ranks) >= self.minimum, "tooFewSurvivors")
        self.survivors, self.phase = ranks, "confirming"
        self.survivor_bits = bitmap(self.count, ranks)
        self.leaves = [self.uploads[rank]["digest"] for rank in ranks]
        self.uploads_root = merkle_root(self.leaves)
        self.hash = survivors_hash(self.transcript, self.sharer_bits, self.survivor_bits, self.uploads_root)

    def survivor_set(self, rank):
        proof = inclusion_proof(self.leaves, self.survivors.index(rank))
        return self.sharer_bits, self.survivor_bits, self.uploads_root, proof

    # M3, S3

    def take_confirmation(self, message, caller):
        rank = self._survivor(caller, message["rank"])
        if rank in self.confirmations:
            require(self.confirmations[rank] == message, "changedMessage")
            return
        key = self.adverts[rank].identityKey
        require(is_signed(key, message["signature"], "fsa1/sig/h2", self.hash), "badSignature")
        self.confirmations[rank] = message

    def _survivor(self, caller, claimed):
        rank = self._rank(caller, claimed)
        require(self.phase in ("confirming", "unmasking"), "outOfPhase")
        require(rank in self.survivors, "notASurvivor")
        return rank

    def freeze_confirmations(self):
        require(len(self.confirmations) >= self.threshold, "tooFewConfirmations")
        self.phase = "unmasking"
        return self.hash, [self.confirmations[rank] for rank in sorted(self.confirmations)]

    # M4, S4

    def take_answer(self, message, caller):
        rank = self._survivor(caller, message["rank"])
        require(self.phase == "unmasking", "outOfPhase")
        if rank in self.answers:
            require(self.answers[rank] == message, "changedMessage")
            return
        unopened = members(self.uploads[rank]["unopened"], self.count)
        due = [j for j in self.sharers if j not in unopened]
        require([entry["rank"] for entry in message["entries"]] == due, "malformed")
        for entry in message["entries"]:
            require(entry["ofSelfMask"] == (entry["rank"] in self.survivors), "malformed")
            require(len(entry["share"]) == 32, "wrongLength")
        self.answers[rank] = message

    def unmask(self):
        """The sum of the survivors' lanes, and the names of those that revealed wrong shares."""
        secrets, wrong = {}, set()
        for rank in self.sharers:
            advert = self.adverts[rank]
            shares = {
                1 + holder: entry["share"]
                for holder, answer in self.answers.items()
                for entry in answer["entries"]
                if entry["rank"] == rank
            }
            require(len(shares) >= self.threshold, "tooFewShares")

            def accept(secret):
                if rank in self.survivors:
                    return commitment(self.plan.hash, advert.name, secret) == advert.commitment
                return x25519_point(mask_scalar(secret)) == advert.maskKey

            secrets[rank], points = sharing.recover(shares, self.threshold, accept, self.plan.assumedColluders)
            require(secrets[rank] is not None, "sharesDoNotReconstruct")
            wrong.update(point - 1 for point in points)
        total = Lanes.zero(self.shape)
        for rank in self.survivors:
            total.add(Lanes.unpacked(self.uploads[rank]["payload"], self.shape))
            total.add(own_mask(secrets[rank], rank, self.transcript, self.shape), sign=-1)
            for lost in set(self.sharers) - set(self.survivors):
                product = x25519(mask_scalar(secrets[lost]), self.adverts[rank].maskKey)
                # What this survivor added for the lost one is taken away, and the other way about.
                mask = pair_mask(product, rank, lost, self.transcript, self.shape)
                total.add(mask, sign=-1 if rank < lost else 1)
        total = total.reduced(self.shape.bits)
        if self.shape.tail:
            low, high = len(self.survivors), len(self.survivors) * self.plan.maximumWeight
            require(low <= int(total.tail[0]) <= high, "impossibleTotalWeight")
        return total, [self.adverts[rank].name for rank in sorted(wrong)]
