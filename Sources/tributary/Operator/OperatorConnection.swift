import Coordination
import Wire

/// Reaches the coordinator that serves a home, over the Unix socket in it.
func withOperator<Result: Sendable>(
  of options: HomeOptions, _ body: (OperatorClient) async throws -> Result
) async throws -> Result {
  let home = try CoordinatorHome(opening: options.path)
  do {
    return try await OperatorClient.connected(socket: home.socketPath, body)
  } catch WireError.noCoordinator {
    throw CommandError.notServing(home: options.path)
  }
}
