import Foundation
import Models

extension Preview: CustomStringConvertible {
  /// The preview as a page for the owner's terminal.
  public var description: String {
    let sections = [
      nodeText, planText, rowsText, trainingText, privacyText, cohortText, leavingText, arrivingText, caveatsText,
    ]
    return sections.compactMap { $0 }
      .joined(separator: "\n\n") + "\n"
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
    lines.append(("first model", model.digest.description))
    if let inputs = model.inputs, let hidden = model.hidden {
      let network =
        hidden.isEmpty ? "no hidden layer" : "hidden layers \(hidden.map(String.init).joined(separator: ", "))"
      lines.append(
        ("network", "\(inputs) inputs, \(network), \(model.parameters) parameters, if every column is kept"))
    }
    if let base = model.base, let method = model.method, let maximumTokens = model.maximumTokens {
      lines.append(("base model", "\(base.name), \(base.digest): your copy is the right one"))
      lines.append(
        (
          "trained",
          "\(model.family), \(method): \(model.parameters) parameters; texts of at most \(maximumTokens) tokens"
        ))
    }
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
        ("", "\(tally(drop.tally)): \(drop.reason.words)"))
    }
    lines.append(("duplicates", "\(tally(rows.duplicates.withinTraining)) among the training rows"))
    lines.append(
      ("leakage", "\(tally(rows.duplicates.heldOutSeenInTraining)) held out and among the training rows too"))
    if let tokens = rows.tokens {
      lines.append(
        ("tokens", "\(tokens.training) to train on, \(tokens.heldOut) held out; \(tokens.longest) in the longest row"))
      lines.append(("truncated", "\(tally(tokens.truncated)) longer than the plan's maximumTokens"))
    }
    if !rows.classes.isEmpty {
      lines.append(
        ("classes", rows.classes.map { "\($0.value): \($0.training) + \($0.heldOut)" }.joined(separator: ", ")))
      lines.append(("", "training + held out; shown to you alone"))
    }
    for column in rows.columns {
      let oddities = [
        ("missing", column.missing), ("out of range", column.outOfRange), ("not declared", column.unknownValues),
        ("no number", column.notNumbers),
      ].filter { $0.1.count > 0 }.map { "\($0.0) \(tally($0.1))" }
      if !oddities.isEmpty { lines.append((column.name, oddities.joined(separator: ", "))) }
    }
    return section("Your rows", lines)
  }

  private var trainingText: String? {
    guard let training else { return nil }
    var lines = [("memory", mebibytes(training.memoryBytes))]
    if let available = training.memoryAvailableBytes {
      lines[0].1 += " of \(mebibytes(available)) that are free for it"
      if available < training.memoryBytes { lines.append(("", "too little: this node will decline its rounds")) }
    }
    if let speed = training.tokensPerSecond, let seconds = training.secondsPerRound {
      lines.append(("speed", "\(Int(speed)) tokens/s in a first step: about \(duration(seconds)) of training a round"))
    }
    return section("Training on this machine", lines)
  }

  private var privacyText: String? {
    guard let privacy else { return nil }
    var lines = [
      (
        "mechanism",
        "DP-SGD: gradients of a row cut to norm \(privacy.clipNorm), noise of \(privacy.noiseMultiplier) such norms"
      ),
      ("this run", "epsilon \(rounded(privacy.run)) at delta \(privacy.delta)"),
      ("all runs", "epsilon \(rounded(privacy.spent)) spent so far, \(rounded(privacy.after)) after this run"),
    ]
    if let budget = privacy.budget {
      lines.append(
        (
          "budget",
          "epsilon \(budget.epsilon) at delta \(budget.delta): "
            + (privacy.isWithinBudget ? "enough" : "this node will decline the rounds that would exceed it")
        ))
    } else {
      lines.append(("budget", "none in policy.yaml: the plan alone bounds what is spent"))
    }
    return section("Privacy of your rows", lines)
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
        (
          "masks",
          cohort.masks
            ? "on: the coordinator learns the sum over those who signed, and no single update"
            : "OFF: the coordinator reads every update of yours"
        ),
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
        "\(width)\(tail)\(bytes(round.maskedBytes)) \(cohort.masks ? "masked" : "in the clear") + \(bytes(round.protocolBytes)) keys and signatures: \(round.content)"
      )
    }
    lines.append(
      ("in all", "\(bytes(totalBytes)) in \(leaving.reduce(0) { $0 + $1.rounds }) rounds; no row, score or label"))
    return section("What leaves", lines)
  }

  private var arrivingText: String {
    let each = "\(bytes(arriving.wholeBytes)) whole"
    let later = arriving.format == "full" ? each : "at most \(bytes(arriving.roundBytes)) as \(arriving.format) deltas"
    return section(
      "What comes",
      [
        ("models", "\(each) at first, then \(later)"),
        ("in all", "at most \(bytes(arriving.totalBytes)) in \(arriving.models) models"),
      ])
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

extension RowReport.DropReason {
  fileprivate var words: String {
    switch self {
    case .labelMissing: "label missing"
    case .labelUnknown: "label not declared"
    case .textMissing: "no text"
    case .scoreMissing: "score missing"
    case .scoreOutOfRange: "score no number of the declared range"
    case .answerMissing: "answer missing"
    case .textTooLong: "no room left for an answer within maximumTokens"
    }
  }
}
