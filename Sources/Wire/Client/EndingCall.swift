import GRPCCore
import Synchronization

/// Runs a call that ends, whatever the transport makes of it.
///
/// A stream that the transport (2.9.2) opens at the very moment at which its connection closes is never told of it: neither
/// its deadline nor cancellation ends the call. Such a call is given up a little after its time, or its cancellation, and
/// left behind; the next one gets a new connection.
///
/// - Parameters:
///   - limit: How long the call may take, or how long it may stand still when there is `progress`; nil for ever.
///   - progress: Touched by the call whenever something has moved.
/// - Throws: What the call throws; an `RPCError` of a passed deadline when it is given up.
func ending<Reply: Sendable>(
  after limit: Duration?, progress: CallProgress? = nil, _ call: @escaping @Sendable () async throws -> Reply
) async throws -> Reply {
  let answer = FirstAnswer<Reply>()
  let calling = Task {
    do { answer.give(.success(try await call())) } catch { answer.give(.failure(error)) }
  }
  let watching = Task {
    guard let limit else { return }
    while true {
      let end = (progress?.last ?? answer.began) + limit
      guard ContinuousClock.now < end else { break }
      try await Task.sleep(until: end, clock: .continuous)
    }
    calling.cancel()
    answer.give(.failure(RPCError(code: .deadlineExceeded, message: "the transport lost the call")))
  }
  defer { watching.cancel() }
  return try await withTaskCancellationHandler {
    try await answer.value()
  } onCancel: {
    calling.cancel()
    Task {
      try? await Task.sleep(for: .seconds(2))
      answer.give(.failure(CancellationError()))
    }
  }
}

/// When something last moved in a call.
final class CallProgress: Sendable {
  private let moved = Mutex(ContinuousClock.now)

  var last: ContinuousClock.Instant { moved.withLock { $0 } }

  func touch() { moved.withLock { $0 = .now } }
}

/// The first of several answers, for the one who waits.
private final class FirstAnswer<Reply: Sendable>: Sendable {
  private enum State {
    case open
    case waiting(CheckedContinuation<Reply, any Error>)
    case given(Result<Reply, any Error>)
  }

  let began = ContinuousClock.now
  private let state = Mutex(State.open)

  func give(_ answer: Result<Reply, any Error>) {
    let waiting: CheckedContinuation<Reply, any Error>? = state.withLock { state in
      switch state {
      case .open:
        state = .given(answer)
        return nil
      case .waiting(let continuation):
        state = .given(answer)
        return continuation
      case .given: return nil
      }
    }
    waiting?.resume(with: answer)
  }

  func value() async throws -> Reply {
    try await withCheckedThrowingContinuation { continuation in
      let given: Result<Reply, any Error>? = state.withLock { state in
        if case .given(let answer) = state { return answer }
        state = .waiting(continuation)
        return nil
      }
      if let given { continuation.resume(with: given) }
    }
  }
}
