import Foundation
import Logging
import SecureAggregation
import Wire

/// What the node is doing, in one place: the ear tells the coordinator, the file tells the owner's `status`.
actor ActivityBoard {
  private let home: NodeHome
  private let log: Logger
  private var state = NodeActivity.State.idle
  private var round: (run: String, id: UInt64, kind: RoundKind)?
  private var reachable = true
  /// What the owner must see to, said once on the terminal until it changes.
  private var said: String?

  init(home: NodeHome, log: Logger) {
    self.home = home
    self.log = log
  }

  /// For the coordinator's status page: free of anything about rows.
  var activity: Activity {
    switch state {
    case .idle, .stopped, .unreachable: .idle
    case .working: .working(round: round?.id ?? 0, fraction: fraction)
    case .waitingForOwner(let reason, _): .waitingForOwner(reason: reason)
    }
  }

  private var fraction: Double { training?.fraction ?? 0 }

  /// Of what is being worked on, and when it was last written and said.
  private var training: NodeActivity.Training?
  private var written = Date.distantPast
  private var told = Date.distantPast

  func idle() { set(.idle) }

  /// - Parameters:
  ///   - what: One word: `counting`, `training`, `masking`, …
  ///   - memoryBytes: What training takes, where that is a matter.
  func working(_ what: String, run: String, roundID: UInt64, kind: RoundKind, memoryBytes: Int? = nil) {
    round = (run, roundID, kind)
    training = memoryBytes.map { .init(fraction: 0, memoryBytes: $0) }
    told = Date()
    set(.working(what))
  }

  /// Written once a second and said every ten, so that a long training shows that it goes on.
  func progress(_ progress: WorkProgress) {
    guard case .working = state, progress.fraction >= fraction else { return }
    training = .init(
      fraction: progress.fraction, tokensPerSecond: progress.tokensPerSecond, secondsLeft: progress.secondsLeft,
      memoryBytes: training?.memoryBytes)
    let now = Date()
    if now.timeIntervalSince(written) >= 1 { write(state) }
    guard let training, now.timeIntervalSince(told) >= 10 else { return }
    told = now
    log.info("training, \(training)")
  }

  /// Only the owner can go on; said once with what to type.
  ///
  /// - Returns: Whether the reason is a new one.
  @discardableResult
  func waiting(_ reason: String, hint: String?) -> Bool {
    let isNew = said != reason
    if isNew {
      said = reason
      log.warning("waiting for the owner: \(reason)")
      if let hint { log.warning("hint: \(hint)") }
    }
    set(.waitingForOwner(reason: reason, hint: hint))
    return isNew
  }

  /// The coordinator does not answer: said once, and the node goes on trying.
  func unreachable(_ reason: String, hint: String?) {
    guard reachable else { return }
    reachable = false
    log.warning("\(reason); trying again until it answers")
    if let hint { log.warning("hint: \(hint)") }
    write(.unreachable(reason: reason))
  }

  /// The coordinator answers: said once after it did not.
  func reached() {
    guard !reachable else { return }
    reachable = true
    log.info("the coordinator is back")
    write(state)
  }

  func stopped() { set(.stopped) }

  private func set(_ new: NodeActivity.State) {
    if case .waitingForOwner = new {} else { said = nil }
    if case .working("training") = new {} else { training = nil }
    guard new != state else { return }
    state = new
    write(new)
  }

  /// A status file that cannot be written stops nothing: it is only for the owner to look at.
  private func write(_ state: NodeActivity.State) {
    written = Date()
    let activity = NodeActivity(
      at: written, state: state, run: round?.run, roundID: round?.id, kind: round.map { "\($0.kind)" },
      training: training)
    try? home.save(activity)
  }
}
