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

    def test_sentences_of_one_document_are_in_one_fold(self):
        rows = prepare.read([f"{document}_{i}\t0\tsentence {document} {i}" for document in range(200) for i in (1, 2)], "shop")
        folds = {}
        for row in rows:
            folds.setdefault(row["text"].split()[1], set()).add(row["fold"])
        self.assertTrue(all(len(found) == 1 for found in folds.values()))
        # 200 documents with chance 0.2: 40 expected, and 20 to 60 is more than three standard deviations wide.
        self.assertTrue(20 <= sum(found == {prepare.TEST} for found in folds.values()) <= 60)

    def test_quotes_and_carriage_returns_of_the_source_are_undone(self):
        row, = prepare.read(["7\t2.5\tA ''real'' gem\r\n", "8\t1\t \n"], "film")
        self.assertEqual((row["text"], row["label"], row["owner"]), ('A "real" gem', "positive", "film"))

    def test_no_text_is_in_both_folds(self):
        def row(text, label, fold):
            return {"text": text, "label": label, "fold": fold}

        kept = prepare.without_repetitions([
            row("a", "neutral", "1"), row("a", "neutral", "1"), row("a", "positive", "0"),
            row("b", "neutral", "0"),
        ])
        self.assertEqual([(r["text"], r["fold"]) for r in kept], [("a", "1"), ("b", "0")])

    def test_the_same_few_rows_of_each_owner_and_fold_are_kept(self):
        rows = [{"text": f"{owner} {i}", "owner": owner, "fold": fold}
                for owner in prepare.FILES for fold in "01" for i in range(20)]
        kept = prepare.fewest(rows, 5, 2)
        self.assertEqual(len(kept), 4 * (5 + 2))
        self.assertEqual(kept, prepare.fewest(rows[::-1], 5, 2))
        self.assertEqual(len(prepare.fewest(rows, None, None)), len(rows))


if __name__ == "__main__":
    unittest.main()
