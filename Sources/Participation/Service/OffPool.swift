import Dispatch

/// Runs long arithmetic on a thread of its own, so that the tasks that listen and answer keep theirs.
func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue.global(qos: .utility).async { continuation.resume(with: Result(catching: work)) }
  }
}
