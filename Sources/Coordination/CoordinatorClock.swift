import Foundation

/// Where the coordinator's time comes from. Tests pass one that they move by hand.
public struct CoordinatorClock: Sendable {
  /// Unix seconds.
  public let now: @Sendable () -> Double
  /// Waits until the next moment at which deadlines and presence should be looked at; throws when cancelled.
  public let nextTick: @Sendable () async throws -> Void

  public init(now: @escaping @Sendable () -> Double, nextTick: @escaping @Sendable () async throws -> Void) {
    self.now = now
    self.nextTick = nextTick
  }

  /// The machine's clock, and a look every quarter of a second.
  public static let system = CoordinatorClock(
    now: { Date().timeIntervalSince1970 },
    nextTick: { try await Task.sleep(for: .milliseconds(250)) })
}
