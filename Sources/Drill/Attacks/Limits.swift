// What masks cannot prevent, and what bounds it.

extension Attack {
  static let craftedModel = Attack(
    name: "crafted-model", row: "crafted model, same for all (linear-layer leakage)",
    breaks: "rows recovered from the sum",
    does: "would give everyone weights that are made to remember rows", end: .limit,
    play: .limit(
      remains: "the weights of a round are the coordinator's word: the sum of all can be made to tell more",
      bounds:
        "the network, the columns and the first model follow from the plan that the owner allowed; the sum is over at "
        + "least minimumCohort; the clip norm; differential privacy, which this plan has none of"))

  static let membership = Attack(
    name: "membership", row: "sum leaks membership (2403.17775)", breaks: "whether a row was trained on",
    does: "would ask the model and the mean updates whether they know a row", end: .limit,
    play: .limit(
      remains: "the sum itself, in every round, and the model",
      bounds: "the number of participants, rounds and epochs; differential privacy, which this plan has none of"))

  static let cohortChoice = Attack(
    name: "cohort-choice", row: "cross-round differencing by cohort choice",
    breaks: "one client's update, approximately",
    does: "would ask another cohort about a model that differs in its last digit", end: .limit,
    play: .limit(
      remains: "another model is another question, and two cohorts that differ by one tell what that one added",
      bounds: "minimumCohort and minimumKnownPeers: with every peer listed and required there is no other cohort; the "
        + "owners' records, which name every set that was opened"))
}
