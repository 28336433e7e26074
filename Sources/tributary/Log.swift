import Logging
import ServiceLifecycle

/// Logs go to standard error, so that standard output stays a command's answer.
enum Log {
  static func make(_ label: String, verbose: Bool) -> Logger {
    var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = verbose ? .debug : .info
    return logger
  }

  /// Runs a service until it ends, or SIGTERM or SIGINT asks it to.
  static func untilStopped(_ logger: Logger, service: any Service) async throws {
    var configuration = ServiceGroupConfiguration(
      services: [
        .init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(10)
    try await ServiceGroup(configuration: configuration).run()
  }
}
