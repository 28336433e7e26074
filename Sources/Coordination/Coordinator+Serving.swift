import Foundation
import Synchronization
import Wire

extension Coordinator {
  /// Serves participants and the operator until `stops` ends, and then lets open calls finish.
  func serve(until stops: AsyncStream<Void>) async throws {
    let settings = home.settings
    let clock = clock
    do {
      let participants = try ParticipantServer(
        host: settings.listen, port: settings.port, authority: authority, enrolment: self, rounds: self,
        now: { Date(timeIntervalSince1970: clock.now()) })
      let operators = try OperatorServer(socket: home.socketPath, service: self)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await participants.run { port in
            self.boundPort.store(port, ordering: .relaxed)
            self.logger.notice("serving participants on \(settings.listen), port \(port)")
            self.onServing(port)
          }
        }
        group.addTask { try await operators.run() }
        group.addTask {
          for await _ in stops {}
          participants.stop()
          operators.stop()
        }
        // The first error ends the others: their cancellation is a graceful stop as well.
        while try await group.next() != nil {}
      }
    } catch let error as WireError {
      throw CoordinationError(serving: error, settings: settings)
    }
  }
}

extension CoordinationError {
  init(serving error: WireError, settings: HomeSettings) {
    self =
      switch error {
      case .portInUse: .portInUse(host: settings.listen, port: settings.port)
      default: .cannotServe(message: error.description, suggestion: error.hint)
      }
  }
}
