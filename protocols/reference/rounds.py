"""The rounds that are published: every cohort, length and width, with someone lost at every stage."""

from refusals import BASE
from rehearsal import Rehearsal, Scenario, transcript

# Colluders and losses of each round of a cohort, taken in turn.
VARIATIONS = {
    3: [
        dict(colluders=0),
        dict(colluders=0, before_confirmation=(1,)),
        dict(colluders=0, before_answer=(2,)),
        dict(colluders=1),
    ],
    4: [
        dict(colluders=1),
        dict(colluders=1, before_shares=(0,)),
        dict(colluders=1, before_upload=(1,)),
        dict(colluders=0, before_confirmation=(2,)),
        dict(colluders=1, before_answer=(3,)),
    ],
    5: [
        dict(colluders=1),
        dict(colluders=1, before_shares=(4,)),
        dict(colluders=1, before_upload=(0,)),
        dict(colluders=0, before_upload=(2, 3)),
        dict(colluders=1, before_confirmation=(1,)),
        dict(colluders=0, before_shares=(2,), before_answer=(4,)),
        dict(colluders=0, before_upload=(1,), before_confirmation=(3,)),
    ],
    10: [
        dict(colluders=2),
        dict(colluders=2, before_shares=(0,), before_upload=(9,), before_confirmation=(4,)),
        dict(colluders=2, before_upload=(3, 5, 6)),
        dict(colluders=0, before_shares=(7,), before_upload=(1,), before_confirmation=(2,), before_answer=(8,)),
        dict(colluders=2, before_answer=(0, 1, 2)),
    ],
}


def scenarios(count):
    variations = VARIATIONS[count]
    made = []
    for dimension in (1, 7, 1000, 32771):
        for bits in (8, 9, 12, 16, 20, 32):
            variation = variations[len(made) % len(variations)]
            name = "n%d-d%d-b%d" % (count, dimension, bits)
            made.append(Scenario(name, count, bits=bits, dimension=dimension, tail=1 + len(made) % 3, **variation))
    return made


SPECIAL = [
    BASE,
    Scenario("counts", 3, 0, 8, 7, kind="counts", before_answer=(0,)),
    Scenario("moments", 4, 1, 8, 14, kind="moments", before_upload=(2,)),
    Scenario("evaluation", 4, 1, 8, 0, tail=9, kind="evaluation", before_shares=(3,)),
    Scenario("spoilt share", 5, 1, 12, 7, spoilt=((0, 1), (3, 2))),
    Scenario("wrong shares", 5, 0, 12, 7, lying=(1,)),
    Scenario("one loss at most", 10, 1, 10, 7, maximum_lost=1, before_upload=(5,)),
]


def files():
    made = {"rounds-%d.json" % count: scenarios(count) for count in VARIATIONS}
    made["rounds-special.json"] = SPECIAL
    return {name: [transcript(Rehearsal(scenario).run()) for scenario in listed] for name, listed in made.items()}
