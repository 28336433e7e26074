#!/usr/bin/env python3
"""Turns a dictionary of computing into questions and answers, and deals its subjects to four owners.

    prepare.py SOURCE OUTPUT [--training N] [--test N]

SOURCE is the directory that holds foldoc.dict.dz of Debian's dict-foldoc 20230119-1, where `scripts/setup` puts it
(.cache/foldoc). OUTPUT receives languages.csv, networks.csv, machines.csv and culture.csv, one for each participant, and
all-rows.csv, for the scorekeeper only. Their columns:

    question   In computing, what does "TERM" mean?
    answer     the first sentence of the dictionary's definition, at most 300 characters
    subject    what the dictionary files the term under
    owner      languages, networks, machines or culture: each knows other subjects
    fold       0 for the test, 1 for training; a fifth of the terms are for the test

With --training and --test at most so many rows of each owner are kept, for a quicker look: those whose hash is smallest.

The text is "The Free On-line Dictionary of Computing", http://foldoc.org/, editor Denis Howe, under the GNU Free
Documentation License. Which terms are for the test follows from a hash of the term, so the split is the same everywhere.
"""

import argparse
import csv
import gzip
import hashlib
import pathlib
import re
import sys

# Who owns which subjects; terms of the many small subjects that are not named here go to their owner by a hash.
SUBJECTS = {
    "languages": "language programming mathematics algorithm theory logic compiler library tool testing data parallel",
    "networks": "networking communications messaging web protocol security standard chat cryptography hypertext",
    "machines": "hardware storage processor computer architecture graphics electronics printer operating-system file-system",
    "culture": "jargon company body person character humour text unit games job publication abuse legal business",
}
COLUMNS = ["question", "answer", "subject", "owner", "fold"]
TEST, TRAINING = "0", "1"
OWNER_OF = {subject.replace("-", " "): owner for owner, subjects in SUBJECTS.items() for subject in subjects.split()}
TEST_SHARE = 0.2
SHORTEST_DEFINITION = 60
SHORTEST_ANSWER = 20
LONGEST_ANSWER = 300

# A headword at the beginning of a line, an empty line, and the definition, which is indented or empty.
ENTRY = re.compile(r"^(\S.*)\n\n((?:   .*\n|\n)+)", re.MULTILINE)


def fraction(text):
    """The first 32 bits of the text's hash, as a number in [0, 1)."""
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:4], "big") / 2**32


def owner_of(subject):
    owners = list(SUBJECTS)
    return OWNER_OF.get(subject) or owners[int(fraction(f"owner/{subject}") * len(owners))]


def row(term, definition):
    """The question and answer of an entry; None if it is no definition with a subject, or has no first sentence."""
    text = re.sub(r"\s+", " ", definition).strip()
    marked = re.match(r"<([^>]+)> ", text)
    if not marked or len(text) < SHORTEST_DEFINITION:
        return None
    subject = marked[1].split(",")[0].strip()
    text = re.sub(r"[{}]", "", text[marked.end():])  # braces mark references
    text = re.sub(r" \(\d{4}-\d\d-\d\d\).*", "", text)  # when the entry was last edited, and what follows
    sentence = re.match(r".{%d,}?\.(?= |$)" % SHORTEST_ANSWER, text)
    if not sentence:
        return None
    return {
        "question": f'In computing, what does "{term}" mean?', "answer": sentence[0][:LONGEST_ANSWER],
        "subject": subject, "owner": owner_of(subject), "fold": TEST if fraction(term) < TEST_SHARE else TRAINING,
    }


def rows(dictionary):
    """Every question once: the entry that comes first, of terms that are defined twice."""
    first = {}
    for term, definition in ENTRY.findall(dictionary):
        # `A%%%B` are two names of one thing.
        entry = row(term.split("%%%")[0].strip(), definition)
        if entry:
            first.setdefault(entry["question"], entry)
    return list(first.values())


def fewest(entries, training, test):
    """At most so many entries of each owner and fold, the same ones each time; all where there is no limit."""
    kept = []
    for fold, limit in ((TRAINING, training), (TEST, test)):
        for owner in SUBJECTS:
            group = [entry for entry in entries if entry["owner"] == owner and entry["fold"] == fold]
            kept += sorted(group, key=lambda entry: fraction(f"order/{entry['question']}"))[:limit]
    return kept


def write(path, entries):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(entries)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=pathlib.Path, help="the directory that holds foldoc.dict.dz")
    parser.add_argument("output", type=pathlib.Path, help="directory for the five CSV files")
    parser.add_argument("--training", type=int, help="entries of each owner to train on, at most")
    parser.add_argument("--test", type=int, help="entries of each owner to hold out, at most")
    arguments = parser.parse_args()

    path = arguments.source / "foldoc.dict.dz"
    if not path.is_file():
        sys.exit(f"prepare: {path} is missing: `source scripts/setup && setup::need foldoc` fetches it")
    # dictzip is gzip with an index that gzip skips.
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
        entries = fewest(rows(file.read()), arguments.training, arguments.test)
    arguments.output.mkdir(parents=True, exist_ok=True)
    for owner in SUBJECTS:
        write(arguments.output / f"{owner}.csv", [entry for entry in entries if entry["owner"] == owner])
    write(arguments.output / "all-rows.csv", entries)


if __name__ == "__main__":
    main()
