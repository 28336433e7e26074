"""Tests of the hospitals example on made-up rows: python -m unittest discover -s examples/hospitals"""

import json
import pathlib
import tempfile
import unittest

import numpy as np
from safetensors.numpy import save_file
from sklearn.metrics import roc_auc_score

import check
import prepare
import scorekeeper
from specialist import Specialist
from tables import Columns, labels, mostly_recorded

SCHEMA = {
    "columns": [
        {"name": "age", "type": "number", "range": [0, 100], "missing": [0]},
        {"name": "pain", "type": "category", "values": ["none", "some"]},
        {"name": "scan", "type": "number", "range": [0, 3], "missing": []},
    ],
    "label": {"name": "sick", "values": ["0", "1"]},
    "fold": "fold",
    "ignore": [],
}


def row(age="", pain="", scan="", sick="0"):
    return {"age": age, "pain": pain, "scan": scan, "sick": sick}


class Folds(unittest.TestCase):
    def test_each_stratum_is_dealt_evenly_and_the_same_way_each_time(self):
        patients = [(str(i), "north" if i < 40 else "south", str(i % 2)) for i in range(103)]
        fold = prepare.assign_folds(patients)
        self.assertEqual(fold, prepare.assign_folds(patients[::-1]))
        self.assertNotEqual(fold, prepare.assign_folds(patients, seed=2))
        for stratum in {(hospital, label) for _, hospital, label in patients}:
            sizes = np.bincount([fold[i] for i, h, l in patients if (h, l) == stratum], minlength=5)
            self.assertLessEqual(sizes.max() - sizes.min(), 1)


class Tables(unittest.TestCase):
    def test_missing_codes_empty_cells_and_values_out_of_range_become_the_mean(self):
        rows = [row("20"), row("40"), row("0"), row(""), row("170")]
        columns = Columns.measured(SCHEMA, ["age"], rows)
        self.assertAlmostEqual(columns.mean["age"], 30)
        self.assertAlmostEqual(columns.deviation["age"], 10)
        np.testing.assert_allclose(columns.features(rows)[:, 0], [-1, 1, 0, 0, 0], atol=1e-12)

    def test_a_category_is_one_column_for_each_value_and_nothing_when_missing(self):
        columns = Columns.measured(SCHEMA, ["pain"], [])
        features = columns.features([row(pain="some"), row(pain="none"), row(), row(pain="unheard of")])
        np.testing.assert_array_equal(features, [[0, 1], [1, 0], [0, 0], [0, 0]])

    def test_a_column_without_any_value_is_zero_everywhere(self):
        columns = Columns.measured(SCHEMA, ["scan"], [row(), row()])
        np.testing.assert_array_equal(columns.features([row(scan="3")]), [[0]])

    def test_mostly_recorded_counts_known_values_only(self):
        rows = [row(age="30", pain="some", scan="1"), row(age="0", pain="odd", scan=""), row(age="0", pain="none")]
        self.assertEqual(mostly_recorded(SCHEMA, rows), ["pain"])


class Scores(unittest.TestCase):
    def setUp(self):
        random = np.random.default_rng(3)
        self.scores = random.integers(0, 12, 80) / 12  # with many ties
        self.outcome = random.integers(0, 2, 80)
        self.group = np.repeat(["north", "south"], [30, 50])

    def test_auc_equals_scikit_learns_ties_included(self):
        self.assertAlmostEqual(
            scorekeeper.auc(self.scores, self.outcome)[0], roc_auc_score(self.outcome, self.scores), places=12
        )

    def test_a_resamples_auc_equals_that_of_the_rows_written_out(self):
        counts = scorekeeper.resample_counts(self.group, resamples=5)
        for found, drawn in zip(scorekeeper.auc(self.scores, self.outcome, counts), counts.astype(int)):
            expected = roc_auc_score(np.repeat(self.outcome, drawn), np.repeat(self.scores, drawn))
            self.assertAlmostEqual(found, expected, places=12)

    def test_a_resample_with_one_class_has_no_auc(self):
        self.assertTrue(
            np.isnan(scorekeeper.auc(self.scores, self.outcome, (self.outcome == 1)[None, :].astype(float))[0])
        )

    def test_resampling_keeps_each_hospitals_size(self):
        counts = scorekeeper.resample_counts(self.group, resamples=20)
        self.assertTrue((counts[:, :30].sum(axis=1) == 30).all() and (counts[:, 30:].sum(axis=1) == 50).all())


class Goals(unittest.TestCase):
    def result(self, federated):
        def estimate(value):
            return scorekeeper.Estimate(value, np.array([value]))

        hospital = {
            "alone": estimate(0.7),
            "together": estimate(0.8),
            "federated": estimate(federated),
            "aloneOnAll": estimate(0.79),
        }
        return {
            "hospitals": {"north": hospital},
            "all": {
                "together": estimate(0.8),
                "federated": estimate(federated),
                "mean alone": estimate(0.7),
                "mean federated": estimate(federated),
            },
        }

    def test_all_are_met_by_a_federation_as_good_as_together(self):
        self.assertEqual([g["met"] for g in scorekeeper.goals(self.result(0.8))], [True] * 4)

    def test_each_is_missed_by_a_federation_no_better_than_alone(self):
        self.assertEqual([g["met"] for g in scorekeeper.goals(self.result(0.7))], [False] * 4)

    def test_a_federation_far_above_together_is_not_within_reach_of_it(self):
        self.assertEqual([g["met"] for g in scorekeeper.goals(self.result(0.85))], [False, False, True, True])


class ExportedFile(unittest.TestCase):
    """A network with one hidden unit, small enough to compute by hand."""

    def write(self, directory):
        path = pathlib.Path(directory) / "specialist.safetensors"
        metadata = {
            "tributary.format": "table/1",
            "tributary.schema": json.dumps(SCHEMA),
            "tributary.columns": json.dumps({"kept": ["age", "pain"], "dropped": ["scan"]}),
            "tributary.standardisation": json.dumps({"columns": [{"name": "age", "mean": 50, "deviation": 20}]}),
            "tributary.network": json.dumps({"inputs": 3, "hidden": [1], "activation": "relu", "outputs": 1}),
        }
        tensors = {
            "layers.0.weight": np.array([[2, 0, 1]], np.float32),
            "layers.0.bias": np.array([-1], np.float32),
            "layers.1.weight": np.array([[3]], np.float32),
            "layers.1.bias": np.array([-3], np.float32),
        }
        save_file(tensors, path, metadata=metadata)
        return path

    def test_probabilities_follow_the_documented_formulas(self):
        with tempfile.TemporaryDirectory() as directory:
            specialist = Specialist(self.write(directory))
        # age 70 is 1 deviation above the mean: relu(2 + 1 - 1) = 2, logit 3; missing everything: relu(-1) = 0, logit -3
        found = specialist.probabilities([row(age="70", pain="some"), row()])
        np.testing.assert_allclose(found, [1 / (1 + np.exp(-3)), 1 / (1 + np.exp(3))], rtol=1e-12)

    def test_a_wrong_prediction_is_noticed(self):
        with tempfile.TemporaryDirectory() as directory:
            specialist = Specialist(self.write(directory))
        rows = [row(age="70", pain="some")]
        sick = 1 / (1 + np.exp(-3))
        right = [{"probability_0": str(1 - sick), "probability_1": str(sick)}]
        wrong = [{"probability_0": str(1 - sick + 0.001), "probability_1": str(sick - 0.001)}]
        self.assertLess(check.largest_difference(specialist, rows, right), 1e-12)
        self.assertGreater(check.largest_difference(specialist, rows, wrong), check.TOLERANCE)


class Data(unittest.TestCase):
    def test_labels_are_positions_among_the_declared_values(self):
        np.testing.assert_array_equal(labels(SCHEMA, [row(sick="1"), row(sick="0")]), [1, 0])


if __name__ == "__main__":
    unittest.main()
