"""The rules of prepare.py, on rows made up for it."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import prepare  # noqa: E402


class Rows(unittest.TestCase):
    def test_the_mean_rating_becomes_one_of_three_labels(self):
        self.assertEqual(
            [prepare.label_of(rating) for rating in (-4, -0.51, -0.5, 0, 0.5, 0.51)],
            ["negative", "negative", "neutral", "neutral", "neutral", "positive"])

    def test_sentences_of_one_document_are_in_one_split(self):
        rows = prepare.read([f"{document}_{i}\t0\tsentence {document} {i}" for document in range(200) for i in (1, 2)], "shop")
        splits = {}
        for row in rows:
            splits.setdefault(row["text"].split()[1], set()).add(row["split"])
        self.assertTrue(all(len(found) == 1 for found in splits.values()))
        # 200 documents with chance 0.2: 40 expected, and 20 to 60 is more than three standard deviations wide.
        self.assertTrue(20 <= sum(found == {"test"} for found in splits.values()) <= 60)

    def test_quotes_and_carriage_returns_of_the_source_are_undone(self):
        row, = prepare.read(["7\t2.5\tA ''real'' gem\r\n", "8\t1\t \n"], "film")
        self.assertEqual((row["text"], row["label"], row["owner"]), ('A "real" gem', "positive", "film"))

    def test_no_text_is_in_both_splits(self):
        def row(text, label, split):
            return {"text": text, "label": label, "split": split}

        kept = prepare.without_repetitions([
            row("a", "neutral", "train"), row("a", "neutral", "train"), row("a", "positive", "test"),
            row("b", "neutral", "test"),
        ])
        self.assertEqual([(r["text"], r["split"]) for r in kept], [("a", "train"), ("b", "test")])


if __name__ == "__main__":
    unittest.main()
