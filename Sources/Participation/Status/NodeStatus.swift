public import Foundation
import Privacy
import SecureAggregation

/// How a node stands, read from its files alone: nobody is asked, and nothing here is sent to anyone.
public struct NodeStatus: Sendable, Hashable, Codable {
  public var name: String
  public var organisation: String?
  public var coordinator: String
  public var fingerprint: String?
  public var certificateEnds: Date?
  /// Whether a process takes part with this home now.
  public var running: Bool
  /// What that process does, or the last one did.
  public var activity: NodeActivity?
  /// What happened, when an attack has locked the node.
  public var locked: String?
  public var left: Bool
  public var allowedPlans: Int
  /// Oldest first; with the node's own measures, for its owner alone.
  public var runs: [RunHistory]
  /// The newest entries of the record, newest last.
  public var recent: [RecordEntry]
  /// Bytes of values that ever left.
  public var bytesShared: Int
  /// What updates have cost of the rows' privacy; nil if none had formal privacy and the policy has no budget.
  public var privacy: SpentPrivacy?
}

/// The ε of all of a node's updates at one δ, beside the owner's budget.
public struct SpentPrivacy: Sendable, Hashable, Codable {
  public var epsilon: Double
  public var delta: Double
  public var budget: Double?

  /// The δ without a budget.
  private static let usualDelta = 1e-6

  init?(_ ledger: NodeLedger, budget: PrivacyBudget?) throws(ParticipationError) {
    if ledger.charges.isEmpty, budget == nil { return nil }
    delta = budget?.delta ?? Self.usualDelta
    self.budget = budget?.epsilon
    do { epsilon = try PrivacyAccount(ledger.charges.values).epsilon(delta: delta) } catch {
      throw .document(message: "the ledger's privacy charges: \(error)", hint: error.hint)
    }
  }
}

extension NodeStatus {
  /// - Parameter recentEntries: How many entries of the record to show.
  public init(of home: NodeHome, recentEntries: Int = 8) throws(ParticipationError) {
    let settings = try home.settings()
    let record = try home.recordEntries()
    left = record.contains { $0.event == .left }
    name = settings.name
    organisation = settings.organisation
    coordinator = settings.coordinator
    fingerprint = left ? nil : try home.fingerprint()
    certificateEnds = left ? nil : try home.certificateEnds()
    running = home.isInUse
    activity = try home.activity()
    locked = try home.ledger().attack.map { "round \($0.roundID) of run \($0.run): \($0.error)" }
    allowedPlans = try home.policy().plans.count
    runs = try home.history()
    recent = Array(record.suffix(recentEntries))
    bytesShared = record.reduce(0) { $0 + ($1.bytes ?? 0) }
    privacy = try SpentPrivacy(home.ledger(), budget: home.policy().privacyBudget)
  }
}

extension NodeStatus: CustomStringConvertible {
  public var description: String {
    var lines = ["\(name)\(organisation.map { " of \($0)" } ?? ""), coordinator \(coordinator)"]
    if let fingerprint { lines.append("fingerprint  \(fingerprint)") }
    if let certificateEnds { lines.append("certificate  until \(certificateEnds.ISO8601Format())") }
    lines.append("state        \(stateText)")
    lines.append("policy       allows \(allowedPlans) plan\(allowedPlans == 1 ? "" : "s")")
    lines.append(
      "shared       \(bytesShared) bytes of values in all" + (privacy == nil ? "; no formal privacy" : ""))
    if let privacy {
      let budget = privacy.budget.map { " of \($0)" } ?? ", without a budget"
      lines.append("privacy      epsilon \(rounded(privacy.epsilon))\(budget) spent at delta \(privacy.delta)")
    }
    for run in runs {
      let standing = run.finished ? "finished" : "\(run.roundsClosed) rounds closed"
      lines +=
        ["", "run \(run.run): \(standing), \(run.bytesSent) bytes up, \(run.bytesReceived) bytes down"] + measures(run)
    }
    if !recent.isEmpty { lines += ["", "record"] + recent.map { "  " + $0.line } }
    return lines.joined(separator: "\n") + "\n"
  }

  private var stateText: String {
    if left { return "left" }
    if let locked { return "locked since an attack: \(locked); tributary policy resume, after talking to the operator" }
    guard running else { return "not running; tributary join --home HOME resumes" }
    switch activity?.state {
    case .idle, nil, .stopped: return "listening"
    case .working(let what):
      return what + (activity?.run.map { " for run \($0)" } ?? "") + (activity?.training.map { ", \($0)" } ?? "")
    case .waitingForOwner(let reason, let hint): return "waits for you: \(reason)" + (hint.map { "; \($0)" } ?? "")
    case .unreachable(let reason): return "\(reason); trying again"
    }
  }

  private func measures(_ run: RunHistory) -> [String] {
    guard let federated = run.federated else { return [] }
    let rows = "\(federated.rows) of your own \(run.heldOut ? "held-out" : "training") rows"
    let note = federated.tooFewRows ? " (too few rows to say much)" : ""
    var lines = ["  on \(rows)\(note), shown to you alone:", "    federated  \(federated.text)"]
    if let local = run.local { lines.append("    local      \(local.text)") }
    return lines
  }
}

extension OwnMetrics {
  fileprivate var text: String {
    let measures = [("AUC", auc), ("accuracy", accuracy), ("loss", meanLoss), ("perplexity", perplexity)]
    return measures.compactMap { name, value in value.map { "\(name) \(String(format: "%.3f", $0))" } }
      .joined(separator: "  ")
  }
}

extension RecordEntry {
  /// The entry on one line.
  var line: String {
    var parts = [at.ISO8601Format(), event.rawValue]
    if let run { parts.append("run \(run)") }
    if let kind { parts.append(kind) }
    if let bytes { parts.append("\(bytes) bytes") }
    if let participants { parts.append("with \(participants.joined(separator: ", "))") }
    if let plan { parts.append("plan \(plan.hex.prefix(12))…") }
    if let note { parts.append(note) }
    return parts.joined(separator: "  ")
  }
}
