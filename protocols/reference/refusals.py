"""Messages that must be refused, each with the name of the refusal.

All belong to the round "base" of rounds-special.json. `taken` says what the receiver had before: of a coordinator the
ranks whose messages it took, phase by phase, each phase but the last one frozen (the last too when `frozen` is set); of a
participant the steps that it went through. `attack` is set where the participant must then lock itself.
"""

from dataclasses import asdict, replace

from fsa1.coordinator import Coordinator
from fsa1.encoding import bitmap, digest, inclusion_proof, merkle_root
from fsa1.messages import ATTACKS, Refused, upload_statement
from fsa1.participant import Participant
from fsa1.primitives import Signer
from rehearsal import Rehearsal, Scenario, written

BASE = Scenario("base", 4, 1, bits=9, dimension=7)
PHASES = ["adverts", "shares", "uploads", "confirmations", "answers"]
ALL = [0, 1, 2, 3]
# A point of order 8 (RFC 7748's curve): its product with every scalar is zero.
LOW_ORDER = bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")


def changed(data, index=0):
    """One bit of one byte."""
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


class Cases:
    def __init__(self):
        self.base = Rehearsal(BASE).run()
        self.made = []

    # Receivers as they stand before the message

    def coordinator(self, taken, frozen):
        r, c = self.base, Coordinator(self.base.plan)
        phases = {
            "adverts": (lambda k: c.take_advert(r.adverts[k], self.caller(k)), lambda: c.freeze_roster(r.shape)),
            "shares": (lambda k: c.take_shares(r.shares[k], r.names[k]), c.freeze_sharers),
            "uploads": (lambda k: c.take_upload(r.uploads[k], r.names[k]), c.freeze_survivors),
            "confirmations": (lambda k: c.take_confirmation(r.confirmations[k], r.names[k]), c.freeze_confirmations),
            "answers": (lambda k: c.take_answer(r.answers[k], r.names[k]), None),
        }
        for phase in PHASES[: len(taken)]:
            take, freeze = phases[phase]
            for rank in taken[phase]:
                take(rank)
            if len(taken) > PHASES.index(phase) + 1 or frozen:
                freeze()
        return c

    def participant(self, rank, taken):
        r, (identity, seed) = self.base, self.base.seeds[rank]
        name = r.names[rank]
        p = Participant(name, name + " hospital", Signer(identity), seed, r.signer.public)
        steps = {
            "plan": lambda: p.advertise(r.plan, r.signature),
            "roster": lambda: p.share(r.adverts, r.shape),
            "delivery": lambda: (p.receive(*r.coordinator.delivery(rank)), p.upload(BASE.input(name))),
            "survivors": lambda: p.confirm(*r.coordinator.survivor_set(rank)),
            "quorum": lambda: p.answer(*r.quorum),
        }
        for step in taken:
            steps[step]()
        return p

    def caller(self, rank):
        advert = self.base.adverts[rank]
        return advert.name, advert.organisation, advert.identityKey

    # Cases

    def add(self, name, error, attempt, receiver, taken, frozen=False, **message):
        try:
            attempt()
        except Refused as refusal:
            assert refusal.name == error, "%s: %s instead of %s" % (name, refusal.name, error)
        else:
            raise AssertionError("%s is taken" % name)
        attack = receiver != "coordinator" and error in ATTACKS
        entry = {"name": name, "error": error, "attack": attack, "receiver": receiver, "taken": taken}
        if receiver == "coordinator":
            entry["frozen"] = frozen
        self.made.append({**entry, **written(message)})

    def at_coordinator(self, name, error, taken, kind, message, caller, frozen=False):
        taken = dict(zip(PHASES, taken))
        c = self.coordinator(taken, frozen)
        if kind == "advert":
            advert, identity = message, self.caller(caller)
            attempt, message = lambda: c.take_advert(advert, identity), asdict(advert)
        else:
            take = {
                "shares": c.take_shares,
                "upload": c.take_upload,
                "confirmation": c.take_confirmation,
                "answer": c.take_answer,
            }[kind]
            sent = message
            attempt = lambda: take(sent, self.base.names[caller])
        self.add(name, error, attempt, "coordinator", taken, frozen, caller=caller, **{kind: message})

    def at_freeze(self, name, error, taken):
        taken = dict(zip(PHASES, taken))
        last = PHASES[len(taken) - 1]
        c = self.coordinator(taken, False)
        attempt = {
            "adverts": lambda: c.freeze_roster(self.base.shape),
            "shares": c.freeze_sharers,
            "uploads": c.freeze_survivors,
            "confirmations": c.freeze_confirmations,
            "answers": c.unmask,
        }[last]
        self.add(name, error, attempt, "coordinator", taken, freeze=last)

    def at_participant(self, name, error, taken, kind, message, rank=1):
        p = self.participant(rank, taken)
        if kind == "plan":
            plan, signature = message
            attempt, message = lambda: p.advertise(plan, signature), {**asdict(plan), "signature": signature}
        elif kind == "roster":
            adverts = message
            attempt = lambda: p.share(adverts, self.base.shape)
            message = [asdict(advert) for advert in adverts]
        else:
            sent = message
            step = {"delivery": p.receive, "survivors": p.confirm, "quorum": p.answer}[kind]
            names = {
                "delivery": ("sharers", "shares"),
                "survivors": ("sharers", "survivors", "root", "inclusionProof"),
                "quorum": ("survivorsHash", "confirmations"),
            }[kind]
            attempt, message = lambda: step(*sent), dict(zip(names, sent))
        self.add(name, error, attempt, rank, taken, **{kind: message})


def adverts(cases):
    r = cases.base
    good, others = r.adverts[2], [0, 1, 3]
    signers = [Signer(identity) for identity, _ in r.seeds]
    resigned = lambda **fields: replace(good, **fields).signed(signers[2])
    for name, error, advert, caller in [
        ("an advert sent by another", "notTheCaller", good, 3),
        ("an advert for another plan", "wrongPlan", resigned(planHash=digest("fsa1/plan", b"")), 2),
        ("an advert with a changed nonce", "badSignature", replace(good, nonce=changed(good.nonce)), 2),
        ("an advert with a point of low order to encrypt to", "lowOrderPoint", resigned(shareKey=LOW_ORDER), 2),
        ("an advert with a point of low order to mask with", "lowOrderPoint", resigned(maskKey=bytes(32)), 2),
        ("an advert with another's key in another place", "keyTwice", resigned(maskKey=r.adverts[0].shareKey), 2),
        ("an advert with one key twice", "keyTwice", resigned(maskKey=good.shareKey), 2),
        ("an advert with a nonce of 15 bytes", "wrongLength", resigned(nonce=good.nonce[:15]), 2),
    ]:
        cases.at_coordinator(name, error, [others], "advert", advert, caller)
    second = resigned(nonce=changed(good.nonce))
    cases.at_coordinator("a second advert", "changedMessage", [ALL], "advert", second, 2)
    cases.at_coordinator("an advert after the freeze", "outOfPhase", [others], "advert", good, 2, frozen=True)
    cases.at_freeze("a roster of two", "tooFewParticipants", [[0, 1]])


def shares(cases):
    r = cases.base
    good = r.shares[2]
    sealed = good["shares"]
    spoilt = [{**sealed[0], "ciphertext": sealed[0]["ciphertext"][1:]}] + sealed[1:]
    for name, error, message, caller in [
        ("shares under another's rank", "notTheCaller", {**good, "rank": 3}, 2),
        ("shares for all but one", "wrongLength", {**good, "shares": sealed[1:]}, 2),
        ("shares in another order", "malformed", {**good, "shares": sealed[::-1]}, 2),
        ("a share of 79 bytes", "wrongLength", {**good, "shares": spoilt}, 2),
    ]:
        cases.at_coordinator(name, error, [ALL, [0, 1, 3]], "shares", message, caller)
    again = [{**sealed[0], "ciphertext": changed(sealed[0]["ciphertext"])}] + sealed[1:]
    second = {**good, "shares": again}
    cases.at_coordinator("second shares", "changedMessage", [ALL, ALL], "shares", second, 2)
    cases.at_coordinator("shares after the freeze", "outOfPhase", [ALL, [0, 1, 3]], "shares", good, 2, frozen=True)
    cases.at_freeze("two that shared", "tooFewSharers", [ALL, [0, 3]])


def uploads(cases):
    r = cases.base
    good = r.uploads[2]
    signer = Signer(r.seeds[2][0])

    def resigned(payload=good["payload"], unopened=good["unopened"]):
        found = digest("fsa1/y", payload)
        statement = upload_statement(r.coordinator.transcript, 2, found, unopened)
        signature = signer.sign("fsa1/sig/y", statement)
        return {"rank": 2, "digest": found, "unopened": unopened, "signature": signature, "payload": payload}

    # 7 lanes of 9 bits leave the highest bit of byte 7 to spare.
    spare = good["payload"][:7] + bytes([good["payload"][7] | 0x80]) + good["payload"][8:]
    for name, error, message in [
        ("an upload that is too short", "wrongLength", resigned(payload=good["payload"][:-1])),
        ("an upload that is too long", "oversize", resigned(payload=good["payload"] + bytes(1))),
        ("an upload with a spare bit", "paddingBits", resigned(payload=spare)),
        ("an upload that is not the one signed", "wrongDigest", {**good, "payload": changed(good["payload"])}),
        ("an upload with another's signature", "badSignature", {**good, "signature": r.uploads[3]["signature"]}),
        ("an upload that did not open its own share", "malformed", resigned(unopened=bitmap(4, [2]))),
    ]:
        cases.at_coordinator(name, error, [ALL, ALL, [0, 1, 3]], "upload", message, 2)
    strange = resigned(unopened=bitmap(4, []))
    cases.at_coordinator("an upload without shares", "stranger", [ALL, [0, 1, 3], [0]], "upload", strange, 2)
    second = resigned(payload=changed(good["payload"]))
    cases.at_coordinator("a second upload", "changedMessage", [ALL, ALL, ALL], "upload", second, 2)
    cases.at_coordinator("an upload before the sharers are fixed", "outOfPhase", [ALL, ALL], "upload", good, 2)
    late = [ALL, ALL, [0, 1, 3]]
    cases.at_coordinator("a late upload", "lateUpload", late, "upload", good, 2, frozen=True)
    cases.at_freeze("two survivors", "tooFewSurvivors", [ALL, ALL, [0, 3]])


def confirmations(cases):
    r = cases.base
    good = r.confirmations[2]
    three = [0, 1, 3]
    other = {**good, "signature": r.confirmations[3]["signature"]}
    cases.at_coordinator("another's confirmation", "badSignature", [ALL, ALL, ALL, three], "confirmation", other, 2)
    lost = [ALL, ALL, three, []]
    cases.at_coordinator("a confirmation of one that was lost", "notASurvivor", lost, "confirmation", good, 2)
    cases.at_freeze("two confirmations", "tooFewConfirmations", [ALL, ALL, ALL, [0, 3]])


def answers(cases):
    r = cases.base
    good = r.answers[2]
    entries = good["entries"]
    cut = [{**entries[0], "share": entries[0]["share"][1:]}] + entries[1:]
    both = [{**entries[0], "ofSelfMask": False}] + entries[1:]
    for name, error, message in [
        ("an answer with one share too few", "malformed", {**good, "entries": entries[1:]}),
        ("an answer with both secrets of one", "malformed", {**good, "entries": entries[:1] + both}),
        ("an answer with a share of the wrong secret", "malformed", {**good, "entries": both}),
        ("an answer with a share of 31 bytes", "wrongLength", {**good, "entries": cut}),
    ]:
        cases.at_coordinator(name, error, [ALL, ALL, ALL, ALL, [0, 1]], "answer", message, 2)
    early = [ALL, ALL, ALL, ALL]
    cases.at_coordinator("an answer before the quorum", "outOfPhase", early, "answer", good, 2)
    cases.at_freeze("two answers", "tooFewShares", [ALL, ALL, ALL, ALL, [0, 3]])


def plans(cases):
    r = cases.base
    other = Signer(bytes(32))
    signed = lambda **fields: (
        replace(r.plan, **fields), r.signer.sign("fsa1/sig/plan", replace(r.plan, **fields).bytes)
    )
    for name, error, message in [
        ("a plan that another key signed", "forgedSignature", (r.plan, other.sign("fsa1/sig/plan", r.plan.bytes))),
        ("a plan signed without its label", "forgedSignature", (r.plan, r.signer.sign("fsa1/plan", r.plan.bytes))),
        ("a plan of another version", "protocolVersion", signed(protocolVersion=2)),
        ("a plan for two survivors", "impossiblePlan", signed(minimumSurvivors=2, assumedColluders=0)),
        ("a plan with fewer survivors than colluders allow", "impossiblePlan", signed(assumedColluders=2)),
        ("a statistics plan with a tail", "impossiblePlan", signed(kind="counts")),
    ]:
        cases.at_participant(name, error, [], "plan", message)


def rosters(cases):
    r = cases.base
    good = r.adverts
    signers = [Signer(identity) for identity, _ in r.seeds]

    def resigned(rank, **fields):
        advert = replace(good[rank], **fields).signed(signers[rank])
        return good[:rank] + [advert] + good[rank + 1 :]

    for name, error, message in [
        ("a roster in another order", "malformed", good[::-1]),
        ("a roster with a name twice", "malformed", good[:2] + good[1:]),
        ("a roster of too few", "tooFewParticipants", good[:2]),
        ("a roster without the node", "absentFromRoster", [good[0], good[2], good[3]]),
        ("a roster with other keys of the node", "changedAdvert", resigned(1, nonce=changed(good[1].nonce))),
        (
            "a roster with substituted keys",
            "forgedSignature",
            good[:2] + [replace(good[2], maskKey=changed(good[2].maskKey, 5))] + good[3:],
        ),
        ("a roster with an advert for another plan", "wrongPlan", resigned(2, planHash=bytes(32))),
        ("a roster with one key of two", "repeatedKey", resigned(2, maskKey=good[3].shareKey)),
        ("a roster with one organisation twice", "repeatedOrganisation", resigned(2, organisation=good[3].organisation)),
        ("a roster with a point of low order", "zeroProduct", resigned(3, shareKey=LOW_ORDER)),
    ]:
        cases.at_participant(name, error, ["plan"], "roster", message)
    taken = ["plan", "roster"]
    second = resigned(2, nonce=changed(good[2].nonce))
    cases.at_participant("a second roster", "secondRoster", taken, "roster", second)


def deliveries(cases):
    r = cases.base
    sharers, good = r.coordinator.delivery(1)
    cut = [{**good[0], "ciphertext": good[0]["ciphertext"][1:]}] + good[1:]
    for name, error, message in [
        ("sharers without the node", "notASurvivor", (bitmap(4, [0, 2, 3]), good)),
        ("too few sharers", "tooFewSharers", (bitmap(4, [0, 1]), good[:1])),
        ("shares of others than the sharers", "malformed", (sharers, good[1:])),
        ("a delivered share of 79 bytes", "wrongLength", (sharers, cut)),
    ]:
        cases.at_participant(name, error, ["plan", "roster"], "delivery", message)
    second = bitmap(4, [0, 1, 3]), [good[0], good[2]]
    cases.at_participant("second sharers", "secondSharerSet", ["plan", "roster", "delivery"], "delivery", second)


def survivor_sets(cases):
    r = cases.base
    sharers, survivors, root, proof = r.coordinator.survivor_set(1)
    taken = ["plan", "roster", "delivery"]
    leaves = [r.uploads[rank]["digest"] for rank in ALL]
    pair = merkle_root([leaves[1], leaves[3]])
    for name, error, message in [
        ("survivors of other sharers", "secondSharerSet", (bitmap(4, [0, 1, 3]), survivors, root, proof)),
        ("survivors without the node", "notASurvivor", (sharers, bitmap(4, [0, 2, 3]), root, proof)),
        ("too few survivors for one to hide", "tooFewSurvivors", (sharers, bitmap(4, [1, 3]), pair, [pair])),
        ("a sum without the node's upload", "uploadNotCounted", (sharers, survivors, changed(root), proof)),
        ("a proof for another place", "uploadNotCounted", (sharers, survivors, root, proof[::-1])),
        ("a proof that is too short", "uploadNotCounted", (sharers, survivors, root, proof[1:])),
    ]:
        cases.at_participant(name, error, taken, "survivors", message)
    fewer = [0, 1, 3]
    other = merkle_root([leaves[rank] for rank in fewer])
    path = inclusion_proof([leaves[rank] for rank in fewer], 1)
    second = sharers, bitmap(4, fewer), other, path
    cases.at_participant("second survivors", "secondSurvivorSet", taken + ["survivors"], "survivors", second)


def quorums(cases):
    r = cases.base
    found, good = r.quorum
    taken = ["plan", "roster", "delivery", "survivors"]
    forged = [{**good[0], "signature": changed(good[0]["signature"])}] + good[1:]
    for name, error, message in [
        ("a quorum over other survivors", "secondSurvivorSet", (changed(found), good)),
        ("a forged confirmation", "forgedSignature", (found, forged)),
        ("too few confirmations", "tooFewConfirmations", (found, good[:2])),
        ("one confirmation three times", "tooFewConfirmations", (found, [good[0]] * 3)),
    ]:
        cases.at_participant(name, error, taken, "quorum", message)


def files():
    cases = Cases()
    for group in (
        adverts, shares, uploads, confirmations, answers, plans, rosters, deliveries, survivor_sets, quorums
    ):
        group(cases)
    return {"refusals.json": cases.made}
