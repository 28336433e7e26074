"""A participant's side of one round."""

from .encoding import bitmap, digest, label, members, proved_root, u16
from .masks import own_mask, pair_mask
from .messages import (
    Advert,
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
from .primitives import hkdf, is_signed, keystream, open_sealed, seal, x25519, x25519_point
from . import sharing


class Participant:
    """Each step checks what came from the coordinator and returns the message to send.

    A real node stores what it knows before it sends anything, keeps a ledger over all rounds and stops for good when it
    meets an attack; ../secure-averaging.md says how. Here is one round, and what is checked within it.
    """

    def __init__(self, name, organisation, signer, seed, coordinator_key):
        self.name, self.organisation, self.signer = name, organisation, signer
        self.coordinator_key = coordinator_key
        self.seed = seed
        self.mu = hkdf(seed, label("fsa1/seed/mu"))
        self.b = hkdf(seed, label("fsa1/seed/b"))
        self.share_scalar = hkdf(seed, label("fsa1/seed/c-x25519"))
        self.mask_scalar = mask_scalar(self.mu)
        self.adverts = self.sharers = self.survivors = None

    # M0

    def advertise(self, plan, signature):
        plan.validate()
        require(is_signed(self.coordinator_key, signature, "fsa1/sig/plan", plan.bytes), "forgedSignature")
        self.plan = plan
        self.advert = Advert(
            name=self.name,
            organisation=self.organisation,
            identityKey=self.signer.public,
            planHash=plan.hash,
            shareKey=x25519_point(self.share_scalar),
            maskKey=x25519_point(self.mask_scalar),
            commitment=commitment(plan.hash, self.name, self.b),
            nonce=hkdf(self.seed, label("fsa1/seed/nonce"), size=16),
        ).signed(self.signer)
        return self.advert

    # S0, M1

    def share(self, adverts, shape):
        if self.adverts is not None:
            require(roster_root(adverts) == roster_root(self.adverts), "secondRoster")
        else:
            self._check_roster(adverts)
        self.adverts, self.shape = adverts, shape
        self.rank = [advert.name for advert in adverts].index(self.name)
        self.transcript = transcript_key(self.plan, adverts)
        self.threshold = self.plan.threshold(len(adverts))
        sealed = []
        shares = self._own_shares()
        for j, advert in enumerate(adverts):
            if j != self.rank:
                key, data = self._sealing(advert, self.rank, j)
                sealed.append({"rank": j, "ciphertext": seal(key, shares[j], data)})
        return {"rank": self.rank, "shares": sealed}

    def _check_roster(self, adverts):
        names = [advert.name.encode() for advert in adverts]
        require(all(a < b for a, b in zip(names, names[1:])), "malformed")
        self.plan.check_cohort(len(adverts))
        require(self.name.encode() in names, "absentFromRoster")
        own = adverts[names.index(self.name.encode())]
        require(own.bytes == self.advert.bytes, "changedAdvert")
        for advert in adverts:
            advert.validate()
            require(advert.is_signed, "forgedSignature")
            require(advert.planHash == self.plan.hash, "wrongPlan")
        require(not repeated_key(adverts), "repeatedKey")
        require(not repeated_organisation(adverts), "repeatedOrganisation")
        for advert in adverts:
            if advert.name != self.name:
                require(x25519(self.share_scalar, advert.shareKey), "zeroProduct")
                require(x25519(self.mask_scalar, advert.maskKey), "zeroProduct")

    def _own_shares(self):
        """64 bytes for each rank: a share of mu, then one of b."""
        key = hkdf(self.seed, label("fsa1/seed/shamir"), salt=self.transcript)
        coefficients = keystream(key, 64 * (self.threshold - 1))
        points = range(1, len(self.adverts) + 1)
        return sharing.split(self.mu + self.b, coefficients, self.threshold, points)

    def _sealing(self, peer, sender, recipient):
        """The single-use key and the authenticated data of the shares from one rank to another."""
        product = x25519(self.share_scalar, peer.shareKey)
        info = label("fsa1/share") + u16(sender, recipient)
        return hkdf(product, info, salt=self.transcript), self.transcript + u16(sender, recipient)

    # S1, M2

    def receive(self, sharers, shares):
        """Takes the bits of U1 and the shares meant for this node, [{rank of the sender, ciphertext}]."""
        if self.sharers is not None:
            require((sharers, shares) == self.sharers, "secondSharerSet")
        ranks = members(sharers, len(self.adverts))
        require(ranks is not None, "malformed")
        require(self.rank in ranks, "notASurvivor")
        require([share["rank"] for share in shares] == [j for j in ranks if j != self.rank], "malformed")
        require(all(len(share["ciphertext"]) == 80 for share in shares), "wrongLength")
        require(len(ranks) >= self.plan.minimum(len(self.adverts)), "tooFewSharers")
        self.sharers = sharers, shares
        self.opened = {self.rank: self._own_shares()[self.rank]}
        for share in shares:
            sender = share["rank"]
            plaintext = open_sealed(*self._opening(sender, share["ciphertext"]))
            if plaintext is not None:
                self.opened[sender] = plaintext
        self.unopened = [j for j in ranks if j not in self.opened]

    def _opening(self, sender, ciphertext):
        key, data = self._sealing(self.adverts[sender], sender, self.rank)
        return key, ciphertext, data

    def upload(self, lanes):
        """Adds the own mask and one for each other sharer. One upload per T, ever."""
        lanes.add(own_mask(self.b, self.rank, self.transcript, self.shape))
        for j in members(self.sharers[0], len(self.adverts)):
            if j != self.rank:
                product = x25519(self.mask_scalar, self.adverts[j].maskKey)
                mask = pair_mask(product, self.rank, j, self.transcript, self.shape)
                lanes.add(mask, sign=1 if self.rank < j else -1)
        payload = lanes.packed(self.shape.bits)
        self.upload_digest = digest("fsa1/y", payload)
        unopened = bitmap(len(self.adverts), self.unopened)
        statement = upload_statement(self.transcript, self.rank, self.upload_digest, unopened)
        return {
            "rank": self.rank,
            "digest": self.upload_digest,
            "unopened": unopened,
            "signature": self.signer.sign("fsa1/sig/y", statement),
            "payload": payload,
        }

    # S2, M3

    def confirm(self, sharers, survivors, root, proof):
        count = len(self.adverts)
        found = survivors_hash(self.transcript, sharers, survivors, root)
        if self.survivors is not None:
            require(found == self.hash, "secondSurvivorSet")
        require(sharers == self.sharers[0], "secondSharerSet")
        ranks = members(survivors, count)
        require(ranks is not None, "malformed")
        require(set(ranks) <= set(members(sharers, count)), "overlappingSets")
        require(self.rank in ranks, "notASurvivor")
        require(len(ranks) >= self.plan.minimum(count), "tooFewSurvivors")
        proved = proved_root(proof, self.upload_digest, ranks.index(self.rank), len(ranks))
        require(proved == root, "uploadNotCounted")
        self.survivors, self.hash = ranks, found
        return {"rank": self.rank, "signature": self.signer.sign("fsa1/sig/h2", found)}

    # S3, M4

    def answer(self, hash, confirmations):
        require(hash == self.hash, "secondSurvivorSet")
        signers = set()
        for confirmation in confirmations:
            rank = confirmation["rank"]
            if rank in self.survivors:
                key = self.adverts[rank].identityKey
                require(is_signed(key, confirmation["signature"], "fsa1/sig/h2", hash), "forgedSignature")
                signers.add(rank)
        require(len(signers) >= self.threshold, "tooFewConfirmations")
        entries = []
        for j in members(self.sharers[0], len(self.adverts)):
            if j in self.opened:
                survived = j in self.survivors
                share = self.opened[j][32:] if survived else self.opened[j][:32]
                entries.append({"rank": j, "ofSelfMask": survived, "share": share})
        return {"rank": self.rank, "entries": entries}
