"""Checks the published vectors against this implementation, or writes them anew.

    python3 vectors.py check     fails, and names what differs, unless every value comes out the same
    python3 vectors.py write

Needs what requirements.txt lists.
"""

import json
import pathlib
import sys

import refusals
import rounds
import updates

FOLDER = pathlib.Path(__file__).parent.parent / "vectors"


def text(entries):
    """JSON with one line for each field of each entry, so that a difference is a line."""
    blocks = []
    for entry in entries:
        fields = ["%s: %s" % (json.dumps(key), json.dumps(value, ensure_ascii=False)) for key, value in entry.items()]
        blocks.append("{\n  " + ",\n  ".join(fields) + "\n}")
    return "[\n" + ",\n".join(blocks) + "\n]\n"


def differences(name, expected):
    path = FOLDER / name
    if not path.exists():
        return ["%s is missing" % name]
    found = json.loads(path.read_text())
    if len(found) != len(expected):
        return ["%s has %d entries, expected %d" % (name, len(found), len(expected))]
    differing = []
    for mine, theirs in zip(json.loads(text(expected)), found):
        for key in sorted(mine.keys() | theirs.keys()):
            if mine.get(key) != theirs.get(key):
                differing.append("%s: %s of %s differs" % (name, key, mine["name"]))
    return differing


def main(command):
    made = {**rounds.files(), **refusals.files(), **updates.files()}
    if command == "write":
        FOLDER.mkdir(exist_ok=True)
        for name, entries in made.items():
            (FOLDER / name).write_text(text(entries))
    else:
        problems = [line for name, entries in made.items() for line in differences(name, entries)]
        known = set(made)
        problems += ["%s is not known here" % p.name for p in FOLDER.glob("*.json") if p.name not in known]
        if problems:
            sys.exit("\n".join(problems))
    print("%d entries in %d files" % (sum(map(len, made.values())), len(made)))


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["write"]):
        sys.exit(__doc__)
    main(sys.argv[1])
