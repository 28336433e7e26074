import Foundation
import Models

extension Preview: CustomStringConvertible {
  /// The preview as a page for the owner's terminal.
  public var description: String {
    [nodeText, planText, rowsText, cohortText, leavingText, caveatsText].joined(separator: "\n\n") + "\n"
  }

  private var nodeText: String {
    section(
      "Node",
      [
        ("name", node.organisation.isEmpty ? node.name : "\(node.name) of \(node.organisation)"),
        ("fingerprint", node.fingerprint),
        ("rows", node.data),
      ])
  }

  private var planText: String {
    var lines = [("plan", plan.name), ("digest", plan.digest.description)]
    if let template = plan.template {
      lines.append(("template", "\(template), with \(plan.freeKeys.joined(separator: ", ")) free"))
    }
    let network =
      model.hidden.isEmpty
      ? "no hidden layer" : "hidden layers \(model.hidden.map(String.init).joined(separator: ", "))"
    lines.append(("first model", model.digest.description))
    lines.append(
      ("network", "\(model.inputs) inputs, \(network), \(model.parameters) parameters, if every column is kept"))
    lines.append(("policy", plan.refusal.map { "refused: \($0)" } ?? "allowed"))
    if let hint = plan.hint { lines.append(("", hint)) }
    return section("Plan", lines)
  }

  private var rowsText: String {
    var lines = [
      ("read", "\(rows.rowsRead)"),
      ("used", "\(rows.rowsUsed): \(rows.trainingRows) train, \(rows.heldOutRows) held out"),
      ("dropped", "\(rows.rowsDropped)"),
    ]
    for drop in rows.dropped {
      lines.append(
        ("", "\(tally(drop.tally)): " + (drop.reason == .labelMissing ? "label missing" : "label not declared")))
    }
    lines.append(("duplicates", "\(tally(rows.duplicates.withinTraining)) among the training rows"))
    lines.append(
      ("leakage", "\(tally(rows.duplicates.heldOutSeenInTraining)) held out and among the training rows too"))
    lines.append(
      ("classes", rows.classes.map { "\($0.value): \($0.training) + \($0.heldOut)" }.joined(separator: ", ")))
    lines.append(("", "training + held out; shown to you alone"))
    for column in rows.columns {
      let oddities = [
        ("missing", column.missing), ("out of range", column.outOfRange), ("not declared", column.unknownValues),
        ("no number", column.notNumbers),
      ].filter { $0.1.count > 0 }.map { "\($0.0) \(tally($0.1))" }
      if !oddities.isEmpty { lines.append((column.name, oddities.joined(separator: ", "))) }
    }
    return section("Your rows", lines)
  }

  private var cohortText: String {
    section(
      "Cohort",
      [
        (
          "size",
          "\(cohort.size) at most; \(cohort.threshold) of a full cohort open a sum, \(cohort.minimumSurvivors) at least"
        ),
        ("colluders", "\(cohort.assumedColluders) assumed to work with the coordinator"),
        ("masks", "on: the coordinator learns the sum over those who signed, and no single update"),
        ("weights", cohort.exampleWeights ? "by number of rows" : "the same for everyone"),
        ("peers", "\(cohort.knownPeers) known by fingerprint, \(cohort.minimumKnownPeers) needed in a round"),
      ])
  }

  private var leavingText: String {
    var lines = leaving.map { round in
      let width = round.lanes == 0 ? "" : "\(round.lanes) lanes of \(round.bitsPerLane) bits, "
      let tail = round.tailLanes == 0 ? "" : "\(round.tailLanes) lanes of 32 bits, "
      return (
        "\(round.rounds) × \(round.kind)",
        "\(width)\(tail)\(bytes(round.maskedBytes)) masked + \(bytes(round.protocolBytes)) keys and signatures: \(round.content)"
      )
    }
    lines.append(
      ("in all", "\(bytes(totalBytes)) in \(leaving.reduce(0) { $0 + $1.rounds }) rounds; no row, score or label"))
    return section("What leaves", lines)
  }

  private var caveatsText: String { (["What to know"] + caveats.map { "  - " + $0 }).joined(separator: "\n") }

  private func section(_ title: String, _ lines: [(String, String)]) -> String {
    let width = max(12, lines.map(\.0.count).max() ?? 0)
    return ([title] + lines.map { "  " + $0.padding(toLength: width, withPad: " ", startingAt: 0) + "  " + $1 })
      .joined(separator: "\n")
  }

  private func tally(_ tally: RowReport.Tally) -> String {
    guard tally.count > 0 else { return "0" }
    let more = tally.count > tally.firstLines.count ? ", …" : ""
    let lines = tally.firstLines.map(String.init).joined(separator: ", ")
    return "\(tally.count) (line\(tally.count == 1 ? "" : "s") \(lines)\(more))"
  }

  private func bytes(_ count: Int) -> String {
    switch count {
    case ..<10_000: "\(count) B"
    case ..<10_000_000: "\((count + 500) / 1000) KB"
    default: "\((count + 500_000) / 1_000_000) MB"
    }
  }
}
