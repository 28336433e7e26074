#!/usr/bin/env python3
"""What federating bought each hospital: AUC alone, together and federated, over five folds.

    scorekeeper.py ALL-ROWS.csv FOLD-0.safetensors … FOLD-4.safetensors [--json FILE]

The scorekeeper alone holds all rows. It is no part of the federation: it reads the five exported specialists and the
rows, and nothing that a participant sent.

- `federated`: each specialist on the rows of the fold that its run held out.
- `together`: scikit-learn's logistic regression on all hospitals' training rows of the same fold, which is what the
  federation must match without moving a row.
- `alone`: the same regression on one hospital's training rows, standardised by that hospital's own statistics.

All three read the columns that the federation kept. AUCs are of pooled out-of-fold scores, each with a 95 % interval of
2,000 bootstrap resamples of patients within each hospital. No `alone` is pooled over hospitals: the scores of four
different models do not compare, and the sites' different prevalence would decide.
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from sklearn.linear_model import LogisticRegression

from specialist import Specialist
from tables import Columns, labels, read_rows, mostly_recorded

FOLDS = 5
RESAMPLES = 2000
NAMES = {"cleveland": "Cleveland", "hungary": "Hungary", "switzerland": "Switzerland", "va-long-beach": "VA Long Beach"}


# ---- AUC and its interval


def auc(scores, outcome, counts=None):
    """The area under the ROC curve, ties counting half; with `counts` [resamples, rows], one for each resample.

    NaN where a resample holds only one class.
    """
    counts = np.ones((1, len(scores))) if counts is None else counts
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    ordered = counts[:, order]
    positive = np.add.reduceat(ordered * (outcome[order] == 1), starts, axis=1)
    negative = np.add.reduceat(ordered * (outcome[order] == 0), starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(wins), np.nan), where=pairs > 0)


def resample_counts(group, resamples=RESAMPLES, seed=0):
    """[resamples, rows]: how often each patient is drawn when each hospital's patients are drawn with replacement."""
    random = np.random.default_rng(seed)
    counts = np.zeros((resamples, len(group)))
    for name in np.unique(group):
        rows = np.flatnonzero(group == name)
        counts[:, rows] = random.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=resamples)
    return counts


class Estimate:
    """A number, its value in each bootstrap resample, and hence its 95 % interval."""

    def __init__(self, value, resampled):
        self.value, self.resampled = float(value), resampled

    @property
    def interval(self):
        low, high = np.nanpercentile(self.resampled, [2.5, 97.5])
        return float(low), float(high)

    def __sub__(self, other):
        return Estimate(self.value - other.value, self.resampled - other.resampled)

    def __str__(self):
        return "{:.3f} [{:.3f}, {:.3f}]".format(self.value, *self.interval)


def mean(estimates):
    return Estimate(np.mean([e.value for e in estimates]), np.mean([e.resampled for e in estimates], axis=0))


# ---- The three ways to train


def out_of_fold(rows, fold, train, schema, kept):
    """Scores of every row by a regression on the rows that the mask `train` selects, without the row's own fold."""
    scores = np.empty(len(rows))
    for k in range(FOLDS):
        training = [rows[i] for i in np.flatnonzero(train & (fold != k))]
        held_out = np.flatnonzero(fold == k)
        columns = Columns.measured(schema, kept, training)
        model = LogisticRegression(max_iter=5000)
        model.fit(columns.features(training), labels(schema, training))
        scores[held_out] = model.predict_proba(columns.features([rows[i] for i in held_out]))[:, 1]
    return scores


def federated_scores(rows, fold, specialists):
    """Scores of every row by the specialist whose run held the row's fold out."""
    scores = np.empty(len(rows))
    for k, specialist in enumerate(specialists):
        held_out = np.flatnonzero(fold == k)
        scores[held_out] = specialist.probabilities([rows[i] for i in held_out])
    return scores


def measure(rows, specialists):
    """All AUCs of the table."""
    schema, kept = specialists[0].columns.schema, specialists[0].columns.kept
    if any(s.columns.schema != schema or s.columns.kept != kept for s in specialists):
        sys.exit("scorekeeper: the specialists were not trained on the same columns")
    group = np.array([row["hospital"] for row in rows])
    fold = np.array([int(row[schema["fold"]]) for row in rows])
    outcome = labels(schema, rows)
    counts = resample_counts(group)
    hospitals = sorted(np.unique(group))

    def estimate(scores, selected):
        return Estimate(
            auc(scores[selected], outcome[selected])[0], auc(scores[selected], outcome[selected], counts[:, selected])
        )

    everyone = np.full(len(rows), True)
    federated = federated_scores(rows, fold, specialists)
    together = out_of_fold(rows, fold, everyone, schema, kept)
    alone = {h: out_of_fold(rows, fold, group == h, schema, kept) for h in hospitals}

    result = {
        "hospitals": {},
        "all": {"patients": len(rows)},
        "dropped": [c["name"] for c in schema["columns"] if c["name"] not in kept],
    }
    for h in hospitals:
        own = group == h
        result["hospitals"][h] = {
            "patients": int(own.sum()),
            "healthy": int((outcome[own] == 0).sum()),
            "alone": estimate(alone[h], own),
            "together": estimate(together, own),
            "federated": estimate(federated, own),
            "aloneOnAll": estimate(alone[h], everyone),
        }
        more = sorted(set(mostly_recorded(schema, [row for row in rows if row["hospital"] == h])) - set(kept))
        if more:
            scores = out_of_fold(rows, fold, own, schema, [*kept, *more])
            result["hospitals"][h]["aloneWithMore"] = (more, estimate(scores, own))
    for way, scores in (("together", together), ("federated", federated)):
        result["all"][way] = estimate(scores, everyone)
    for way in ("alone", "together", "federated"):
        result["all"][f"mean {way}"] = mean([result["hospitals"][h][way] for h in hospitals])
    return result


# ---- Goals and the table


def goals(result):
    """One row for each goal, in the shape of every measurement of the project."""

    def row(work, ours, peer, goal, met):
        return {
            "work": work,
            "ours": ours.value,
            "peer": peer.value,
            "ratio": ours.value / peer.value,
            "unit": "AUC",
            "goal": goal,
            "met": bool(met),
        }

    everyone, rows = result["all"], []
    federated, together = everyone["federated"], everyone["together"]
    rows.append(
        row(
            "all rows, federated against together",
            federated,
            together,
            "within 0.01 of together",
            abs((federated - together).value) <= 0.01,
        )
    )
    for name, hospital in result["hospitals"].items():
        f, t = hospital["federated"], hospital["together"]
        rows.append(
            row(f"{name}, federated against together", f, t, "within 0.03 of together", abs((f - t).value) <= 0.03)
        )
    f, a = everyone["mean federated"], everyone["mean alone"]
    rows.append(
        row("mean of the hospitals, federated against alone", f, a, "at least 0.02 above alone", (f - a).value >= 0.02)
    )
    best = max((h["aloneOnAll"] for h in result["hospitals"].values()), key=lambda e: e.value)
    rows.append(
        row(
            "all rows, federated against the best single hospital's model",
            federated,
            best,
            "above every single hospital's model",
            federated.value > best.value,
        )
    )
    return rows


def table(result, rows):
    """The table for people."""
    ways = ("alone", "together", "federated")
    line = "{:<32} {:>8} {:>8}  {:<21}  {:<21}  {:<21}".format
    text = [line("AUC [95 % interval]", "patients", "healthy", "alone", "together", "federated")]
    for name, h in result["hospitals"].items():
        text.append(
            line(
                NAMES.get(name, name),
                h["patients"],
                h["healthy"],
                str(h["alone"]),
                str(h["together"]),
                str(h["federated"]),
            ).rstrip()
        )
    everyone = result["all"]
    text.append(line("mean of the hospitals", "", "", *(str(everyone[f"mean {way}"]) for way in ways)).rstrip())
    text.append("")
    text.append(
        line(f"over all {everyone['patients']} rows", "", "", "", *(str(everyone[way]) for way in ways[1:])).rstrip()
    )
    for name, h in result["hospitals"].items():
        text.append(line(f"  {NAMES.get(name, name)}'s own model", "", "", str(h["aloneOnAll"]), "", "").rstrip())
    text.append("")

    few = [
        f"{NAMES.get(name, name)} has {h['healthy']} healthy patients"
        for name, h in result["hospitals"].items()
        if h["healthy"] < 20
    ]
    if few:
        text.append("; ".join(few) + ": its own AUC moves much with the draw of the folds.")
    gain = everyone["mean federated"] - everyone["mean alone"]
    text.append(
        "The hospitals' mean rises by {:.3f} [{:.3f}, {:.3f}] from alone to federated.".format(
            gain.value, *gain.interval
        )
    )
    if result["dropped"]:
        names = ", ".join(result["dropped"])
        text.append(f"Dropped by the federation, because fewer than three hospitals recorded it: {names}.")
    for name, h in result["hospitals"].items():
        if "aloneWithMore" in h:
            more, value = h["aloneWithMore"]
            text.append(f"{NAMES.get(name, name)} recorded {', '.join(more)}: alone and with it, its AUC is {value}.")
    text.append("The scorekeeper alone holds all rows; it used the exported files and nothing that a participant sent.")
    text.append("")
    for row in rows:
        values = f"{row['ours']:.0f} s" if row["peer"] is None else f"{row['ours']:.3f} and {row['peer']:.3f}"
        text.append(f"{'met' if row['met'] else 'NOT MET':<7}  {row['work']}: {values} (goal: {row['goal']})")
    return "\n".join(text)


def as_json(result, rows):
    def plain(value):
        if isinstance(value, Estimate):
            return {"auc": plain(value.value), "interval": [plain(v) for v in value.interval]}
        if isinstance(value, float):
            return round(value, 4)
        if isinstance(value, dict):
            return {key: plain(v) for key, v in value.items()}
        if isinstance(value, tuple):
            return {"columns": value[0], **plain(value[1])}
        return value

    return {
        "machine": machine(),
        "rows": [plain(row) for row in rows],
        "hospitals": plain(result["hospitals"]),
        "all": plain(result["all"]),
        "dropped": result["dropped"],
    }


def machine():
    """This machine in a line: what a measurement must name."""
    processor = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            processor = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {processor}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", type=pathlib.Path, help="all hospitals' rows, as prepare.py writes them")
    parser.add_argument("specialists", type=pathlib.Path, nargs=FOLDS, help="the exported files, by fold")
    parser.add_argument("--json", type=pathlib.Path, help="also write the table for machines")
    parser.add_argument("--started", type=float, help="when it all began, in seconds since 1970: adds a goal of 60 s")
    arguments = parser.parse_args()

    rows = read_rows(arguments.rows)
    specialists = [Specialist(path) for path in arguments.specialists]
    if len({specialist.metadata["tributary.plan"] for specialist in specialists}) < FOLDS:
        sys.exit("scorekeeper: two of the files are of one plan, expected one for each fold held out")
    result = measure(rows, specialists)
    measured = goals(result)
    if arguments.started:
        seconds = time.time() - arguments.started
        measured.append(
            {
                "work": "the demo after the build",
                "ours": seconds,
                "peer": None,
                "ratio": None,
                "unit": "s",
                "goal": "under 60",
                "met": seconds < 60,
            }
        )
    print(table(result, measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(result, measured), indent=2) + "\n")
    sys.exit(0 if all(row["met"] for row in measured) else 1)


if __name__ == "__main__":
    main()
