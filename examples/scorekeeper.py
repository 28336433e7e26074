#!/usr/bin/env python3
"""Prints what federating a language model bought each owner, from what `tributary evaluate` measured.

    scorekeeper.py accuracy|perplexity LOGS --owners NAME… --alone NAME… [--json FILE]

LOGS holds MODEL-on-ROWS.json as `tributary evaluate --json` prints it, for the models of the owners alone, `together` and
`federated`, on each owner's rows and on `all-rows`; and run.json as `tributary run --json` prints it.

The goals: on all rows the federated model is better than every owner's alone, and no worse than the one trained on all rows
together by more than 0.02 of accuracy, or a twentieth of the perplexity. The exit status is 1 if one is not met.
"""

import argparse
import json
import math
import pathlib
import platform
import sys

ACCURACY_MARGIN = 0.02
PERPLEXITY_MARGIN = 1.05


class Scores:
    def __init__(self, measure, logs):
        self.measure = measure
        self.logs = logs

    def of(self, model, rows):
        """What a model scores on rows; None where it was not measured."""
        path = self.logs / f"{model}-on-{rows}.json"
        return json.loads(path.read_text())[self.measure] if path.is_file() else None

    def rows(self, rows):
        return json.loads((self.logs / f"federated-on-{rows}.json").read_text())["rows"]

    def before(self):
        """The perplexity of the base model on the cohort's held-out rows: the run's first round measured it."""
        metrics = json.loads((self.logs / "run.json").read_text())["metrics"]
        loss = metrics[0].get("meanLoss") if metrics else None
        return None if loss is None or self.measure != "perplexity" else math.exp(loss)

    def is_better(self, ours, other):
        return ours > other if self.measure == "accuracy" else ours < other

    def is_close(self, ours, other):
        if self.measure == "accuracy":
            return ours >= other - ACCURACY_MARGIN
        return ours <= other * PERPLEXITY_MARGIN

    def text(self, value):
        return "" if value is None else f"{value:.3f}" if self.measure == "accuracy" else f"{value:.1f}"


def table(scores, owners, alone):
    lines = [f"| {scores.measure} | rows | alone | together | federated |", "|---|---|---|---|---|"]
    for owner in owners:
        cells = [scores.text(scores.of(model, owner)) for model in (owner, "together", "federated")]
        lines.append(f"| {owner}, its own rows | {scores.rows(owner)} | {' | '.join(cells)} |")
    worst_and_best = sorted(scores.of(name, "all-rows") for name in alone)
    span = " to ".join(dict.fromkeys(scores.text(value) for value in (worst_and_best[0], worst_and_best[-1])))
    cells = [span] + [scores.text(scores.of(model, "all-rows")) for model in ("together", "federated")]
    lines.append(f"| all owners' rows | {scores.rows('all-rows')} | {' | '.join(cells)} |")
    if scores.before() is not None:
        lines.append(f"| before, all owners' rows | {scores.rows('all-rows')} | {scores.text(scores.before())} | | |")
    return lines


def goals(scores, alone):
    """Rows of the table for machines: what the federated model was to reach, and whether it did."""
    ours = scores.of("federated", "all-rows")
    together = scores.of("together", "all-rows")
    margin = ACCURACY_MARGIN if scores.measure == "accuracy" else PERPLEXITY_MARGIN
    yield {
        "work": "federated against together, all rows", "ours": ours, "peer": together, "ratio": ours / together,
        "unit": scores.measure,
        "goal": f"within {margin}" if scores.measure == "accuracy" else f"at most {margin} times",
        "met": scores.is_close(ours, together),
    }
    for name in alone:
        other = scores.of(name, "all-rows")
        yield {
            "work": f"federated against {name} alone, all rows", "ours": ours, "peer": other, "ratio": ours / other,
            "unit": scores.measure, "goal": "better", "met": scores.is_better(ours, other),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measure", choices=("accuracy", "perplexity"))
    parser.add_argument("logs", type=pathlib.Path)
    parser.add_argument("--owners", nargs="+", required=True)
    parser.add_argument("--alone", nargs="+", required=True)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()

    scores = Scores(arguments.measure, arguments.logs)
    print("\n".join(table(scores, arguments.owners, arguments.alone)))
    rows = list(goals(scores, arguments.alone))
    for row in rows:
        print(f"{'met' if row['met'] else 'NOT MET'}: {row['work']}: {scores.text(row['ours'])}, "
              f"{scores.text(row['peer'])} ({row['goal']})")
    if arguments.json:
        machine = f"{platform.machine()}, {platform.system()}"
        arguments.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    sys.exit(0 if all(row["met"] for row in rows) else 1)


if __name__ == "__main__":
    main()
