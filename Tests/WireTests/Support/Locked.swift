import Federation
import Synchronization

/// What a callback saw, for the test to look at afterwards.
final class LockedRuns: Sendable {
  private let list = Mutex<[RunSnapshot]>([])

  var runs: [RunSnapshot] { list.withLock { $0 } }

  func append(_ run: RunSnapshot) { list.withLock { $0.append(run) } }
}

/// A path that outlives the closure that learned it.
final class LockedPath: Sendable {
  private let path = Mutex("")

  var value: String { path.withLock { $0 } }

  func set(_ value: String) { path.withLock { $0 = value } }
}
