"""The rules of prepare.py, on entries made up for it."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import prepare  # noqa: E402

DICTIONARY = """
gizmo

   <networking, protocol> A made-up {protocol} that carries other
   made-up protocols.  It has no use.

   (1999-01-01) and a note that is cut

widget%%%widgets

   <hardware> A thing with a name that nobody has needed
   to explain so far.

gizmo

   <jargon> A second meaning, which comes too late to be asked about.

stub

   <jargon> Too short.

nothing

   A paragraph without a subject, of which nobody would know the owner.

"""


class Rows(unittest.TestCase):
    def test_an_entry_becomes_a_question_and_the_first_sentence_of_its_answer(self):
        gizmo, widget = prepare.rows(DICTIONARY)
        self.assertEqual(gizmo["question"], 'In computing, what does "gizmo" mean?')
        self.assertEqual(gizmo["answer"], "A made-up protocol that carries other made-up protocols.")
        self.assertEqual((gizmo["subject"], gizmo["owner"]), ("networking", "networks"))
        self.assertEqual(widget["question"], 'In computing, what does "widget" mean?')
        self.assertEqual(widget["owner"], "machines")

    def test_a_sentence_does_not_end_at_a_point_within_a_word_or_before_twenty_letters(self):
        entry = prepare.row("x", "   <tool> E.g. version 2.0 of it. And more words that follow after the first sentence.")
        self.assertEqual(entry["answer"], "E.g. version 2.0 of it.")

    def test_every_subject_has_one_owner_always_the_same(self):
        named = [subject for subjects in prepare.SUBJECTS.values() for subject in subjects.split()]
        self.assertEqual(len(named), len(set(named)))
        self.assertEqual(prepare.owner_of("operating system"), "machines")
        self.assertIn(prepare.owner_of("a subject of its own"), prepare.SUBJECTS)
        # 400 unnamed subjects over four owners: 100 expected, 60 to 140 is more than four standard deviations wide.
        owners = [prepare.owner_of(f"subject {i}") for i in range(400)]
        self.assertTrue(all(60 <= owners.count(owner) <= 140 for owner in prepare.SUBJECTS))


if __name__ == "__main__":
    unittest.main()
