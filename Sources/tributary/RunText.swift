import Federation
import Foundation

/// A run's snapshot in lines for people.
enum RunText {
  /// One line that changes as the run goes on.
  static func progress(_ run: RunSnapshot) -> String {
    guard let round = run.current else {
      let waiting = run.waitingFor.map { "\($0.name) (\($0.reason))" }.joined(separator: ", ")
      return "\(run.run) \(run.standing.word)" + (waiting.isEmpty ? "" : ", waiting for \(waiting)")
    }
    var text = "\(run.run) round \(round.number) of \(run.roundsTotal) (\(round.kind)), \(round.phase.rawValue)"
    if let metrics = run.metrics.last { text += ", \(measures(metrics))" }
    // Who is at work is no news; who is away, or waits for its owner, is.
    let late = round.waitingFor.filter { $0.reason != "has not answered" && !$0.reason.hasPrefix("working") }
    let working = round.waitingFor.filter { $0.reason.hasPrefix("working") }
    if let slowest = working.min(by: { Self.percent($0.reason) < Self.percent($1.reason) }),
      Self.percent(slowest.reason) > 0
    {
      text += ", \(working.count) at work, the slowest at \(Self.percent(slowest.reason))%"
    }
    if !late.isEmpty {
      text += ", waiting for " + late.map { "\($0.name) (\($0.reason))" }.joined(separator: ", ")
    }
    return text
  }

  /// How far someone at work says to be.
  private static func percent(_ reason: String) -> Int { Int(reason.filter(\.isNumber)) ?? 0 }

  /// What the cohort's rows say of a model, or that they are too few.
  static func measures(_ metrics: RoundMetrics) -> String {
    if metrics.tooFewRows { return "too few rows to measure (\(metrics.rows))" }
    var parts: [String] = []
    if let auc = metrics.auc {
      parts.append("AUC \(number(auc, 3))" + (metrics.aucTieBound.map { " ± \(number($0, 3))" } ?? ""))
    }
    if let accuracy = metrics.accuracy { parts.append("accuracy \(number(accuracy, 3))") }
    if metrics.tokens != nil, let loss = metrics.meanLoss { parts.append("perplexity \(number(exp(loss), 2))") }
    if let loss = metrics.meanLoss { parts.append("loss \(number(loss, 4))") }
    return parts.joined(separator: ", ") + " over \(metrics.rows) rows"
  }

  static func summary(_ run: RunSnapshot) -> String {
    var lines = ["run \(run.run): \(run.standing.word), \(run.roundsClosed) of \(run.roundsTotal) rounds closed"]
    lines.append("  plan \(run.planName), \(run.plan)")
    if case .failed(let reason) = run.standing { lines.append("  failed: \(reason)") }
    if let start = run.startedAt, let end = run.endedAt { lines.append("  took \(number(end - start, 1)) s") }
    if !run.droppedColumns.isEmpty {
      lines.append(
        "  columns that too few participants hold, dropped by everyone: " + run.droppedColumns.joined(separator: ", "))
    }
    for metrics in run.metrics {
      lines.append(
        "  model before round \(metrics.number): \(measures(metrics)) of \(metrics.survivors) participants")
    }
    for abandoned in run.abandoned {
      lines.append(
        "  round \(abandoned.number) (\(abandoned.kind)) abandoned in \(abandoned.phase.rawValue): \(abandoned.reason)")
    }
    if let round = run.current, !run.standing.hasEnded {
      lines.append("  round \(round.number) is \(round.phase.rawValue); answered: \(list(round.answered))")
      for late in round.waitingFor { lines.append("  waits for \(late.name): \(late.reason)") }
    }
    for late in run.waitingFor { lines.append("  the next round waits for \(late.name): \(late.reason)") }
    if let model = run.model {
      lines.append("  \(run.standing == .finished ? "model" : "newest checkpoint") \(model)")
    }
    if run.averaging == .clear { lines.append("  no masks: this coordinator reads every participant's update") }
    lines.append("  \(run.traffic.bytesUp) bytes up, \(run.traffic.bytesDown) bytes down; \(run.privacy)")
    return lines.joined(separator: "\n")
  }

  static func list(_ names: [String]) -> String { names.isEmpty ? "nobody yet" : names.joined(separator: ", ") }

  static func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}
