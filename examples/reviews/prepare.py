#!/usr/bin/env python3
"""Splits sentences with people's opinion of their tone into one CSV file for each of four owners.

    prepare.py SOURCE OUTPUT [--training N] [--test N]

SOURCE is the directory `hutto_ICWSM_2014` of the vaderSentiment 3.3.2 source distribution, where `scripts/setup` puts
it (.cache/sentiment). OUTPUT receives film.csv, newspaper.csv, tweets.csv and shop.csv, one for each participant, and
all-rows.csv, for the scorekeeper only. Their columns:

    text    a sentence of a film review, of a newspaper's opinion pages, a tweet, or a sentence of a product review
    label   negative, neutral or positive: the mean of twenty people's ratings below -0.5, between, or above 0.5
    rating  that mean, from -4 to 4
    owner   film, newspaper, tweets or shop
    fold    0 for the test, 1 for training; a fifth of the documents are for the test, so that no article or product is
            in both

With --training and --test at most so many rows of each owner are kept, for a quicker look: those whose hash is smallest.

The rows are Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
ICWSM 2014. Which documents are for the test follows from a hash of their names, so the split is the same everywhere. A
sentence that occurs twice with one label is kept once, and one that is in both splits stays in train alone.
"""

import argparse
import csv
import hashlib
import pathlib
import sys

FILES = {
    "film": "movieReviewSnippets",
    "newspaper": "nytEditorialSnippets",
    "tweets": "tweets",
    "shop": "amazonReviewSnippets",
}
COLUMNS = ["text", "label", "rating", "owner", "fold"]
TEST, TRAINING = "0", "1"
TEST_SHARE = 0.2
NEUTRAL = 0.5


def label_of(rating):
    return "negative" if rating < -NEUTRAL else "positive" if rating > NEUTRAL else "neutral"


def fraction(text):
    """The first 32 bits of the text's hash, as a number in [0, 1)."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:4], "big") / 2**32


def fold_of(document):
    """Whether a document is for training or for the test."""
    return TEST if fraction(document) < TEST_SHARE else TRAINING


def read(lines, owner):
    """Rows of `id TAB rating TAB text`; the id of a sentence of a longer document is `document_sentence`."""
    rows = []
    for line in lines:
        identity, rating, text = line.rstrip("\r\n").split("\t", 2)
        text = text.replace("''", '"').strip()
        if text:
            rows.append({
                "text": text, "label": label_of(float(rating)), "rating": f"{float(rating):.4f}", "owner": owner,
                "fold": fold_of(f"{owner}/{identity.split('_')[0]}"),
            })
    return rows


def without_repetitions(rows):
    """The first of equal (text, label) pairs, and no test row whose text is also one of training."""
    first = {}
    for row in rows:
        first.setdefault((row["text"], row["label"]), row)
    trained = {row["text"] for row in first.values() if row["fold"] == TRAINING}
    return [row for row in first.values() if row["fold"] == TRAINING or row["text"] not in trained]


def fewest(rows, training, test):
    """At most so many rows of each owner and fold, the same ones each time; all where there is no limit."""
    kept = []
    for fold, limit in ((TRAINING, training), (TEST, test)):
        for owner in FILES:
            group = [row for row in rows if row["owner"] == owner and row["fold"] == fold]
            kept += sorted(group, key=lambda row: fraction(row["text"]))[:limit]
    return kept


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=pathlib.Path, help="the directory hutto_ICWSM_2014")
    parser.add_argument("output", type=pathlib.Path, help="directory for the five CSV files")
    parser.add_argument("--training", type=int, help="rows of each owner to train on, at most")
    parser.add_argument("--test", type=int, help="rows of each owner to hold out, at most")
    arguments = parser.parse_args()

    rows = []
    for owner, name in FILES.items():
        path = arguments.source / f"{name}_GroundTruth.txt"
        if not path.is_file():
            sys.exit(f"prepare: {path} is missing: `source scripts/setup && setup::need sentiment` fetches it")
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            rows += read(file, owner)
    rows = fewest(without_repetitions(rows), arguments.training, arguments.test)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for owner in FILES:
        write(arguments.output / f"{owner}.csv", [row for row in rows if row["owner"] == owner])
    write(arguments.output / "all-rows.csv", rows)


if __name__ == "__main__":
    main()
