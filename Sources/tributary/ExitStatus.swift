import ArgumentParser
import Bases
import Coordination
import Documents
import Drill
import Federation
import Foundation
import Identities
import Models
import Participation
import Schemas
import SecureAggregation
import Specialists
import Wire

/// The numbers that commands end with, so that scripts can tell what to do next.
enum ExitStatus: Int32, CaseIterable {
  case done = 0
  /// Something that has no number of its own.
  case failed = 1
  /// A plan, policy, row or file that breaks its rules.
  case badInput = 2
  /// Nobody answers: the coordinator, or `serve` on this home.
  case unreachable = 3
  /// An identity, a token or a policy said no.
  case refused = 4
  /// A run ended without a model.
  case runFailed = 5
  /// The home: missing, in use, full or damaged.
  case home = 6
  /// Ctrl-C while following a run, which goes on. As shells number it.
  case interrupted = 130
  /// The command line itself.
  case usage = 64

  static var discussion: String {
    "Exit status: "
      + allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: ", ") + "."
  }

  private var meaning: String {
    switch self {
    case .done: "done"
    case .failed: "failed"
    case .badInput: "bad input"
    case .unreachable: "unreachable"
    case .refused: "refused"
    case .runFailed: "run ended without a model"
    case .home: "home unusable"
    case .interrupted: "interrupted"
    case .usage: "wrong usage"
    }
  }

  /// Prints the error with its hint, as JSON under `--json`, and ends the process.
  static func end(with error: any Error) -> Never {
    guard let failure = Failure(error) else { endUsage(error) }
    end(failure)
  }

  /// What the argument parser itself says: `--help`, `--version`, and how a command is used.
  private static func endUsage(_ error: any Error) -> Never {
    guard Tributary.exitCode(for: error) != .success else { Tributary.exit(withError: error) }
    let lines = Tributary.fullMessage(for: error).split(separator: "\n", maxSplits: 1).map(String.init)
    let said = lines.first.map { $0.hasPrefix("Error: ") ? String($0.dropFirst("Error: ".count)) : $0 } ?? ""
    let rest = (lines.dropFirst().first ?? "").split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    let usage = rest.first { $0.hasPrefix("Usage: ") }.map { String($0.dropFirst("Usage: ".count)) }
    end(
      Failure(
        error: said.prefix(1).lowercased() + said.dropFirst(), hint: usage.map { "usage: \($0); --help says more" },
        status: Tributary.exitCode(for: error).rawValue))
  }

  private static func end(_ failure: Failure) -> Never {
    if CommandLine.arguments.contains("--json") {
      if let line = try? Output.encoded(failure) { Output.note(line) }
    } else {
      Output.note("tributary: error: \(failure.error)")
      if let hint = failure.hint { Output.note("tributary: hint: \(hint)") }
    }
    exit(failure.status)
  }

  /// An error in words.
  private struct Failure: Encodable {
    let error: String
    let hint: String?
    let status: Int32

    init(error: String, hint: String?, status: Int32) {
      self.error = error
      self.hint = hint
      self.status = status
    }

    /// nil for what the argument parser itself prints.
    init?(_ error: any Error) {
      guard let error = error as? any HintedError else { return nil }
      self.error = "\(error)"
      hint = error.hint
      status = ExitStatus(error).rawValue
    }
  }
}

extension ExitStatus {
  init(_ error: any HintedError) {
    self =
      switch error {
      case let error as CommandError: Self.status(error)
      case let error as ParticipationError: Self.status(error)
      case let error as CoordinationError: Self.status(error)
      case let error as WireError: Self.status(error)
      case let error as DrillError: Self.status(error)
      case is DocumentError, is FederationError, is SpecialistError, is ModelError, is SchemaError, is BaseError:
        .badInput
      case IdentityError.malformedInvite, IdentityError.invalidName: .badInput
      case is IdentityError, is AveragingError: .refused
      default: .failed
      }
  }

  private static func status(_ error: CommandError) -> ExitStatus {
    switch error {
    case .cannotRead, .cannotWrite, .noRunYet: .badInput
    case .notServing, .cannotTell: .unreachable
    case .noHome: .home
    case .runFailed: .runFailed
    case .stoppedWatching: .interrupted
    case .drillFailed: .failed
    }
  }

  private static func status(_ error: DrillError) -> ExitStatus {
    switch error {
    case .unknownAttack, .noCohort: .badInput
    case .stalled, .scratch: .failed
    }
  }

  private static func status(_ error: CoordinationError) -> ExitStatus {
    switch error {
    case .invalidSetting, .settings, .unknownRun: .badInput
    case .noFinishedRun, .notFinished: .runFailed
    default: .home
    }
  }

  private static func status(_ error: ParticipationError) -> ExitStatus {
    switch error {
    case .coordinator(let error): status(error)
    case .document, .rows, .noData, .notADigest, .notAFingerprint, .planNotListed, .notLocked, .nothingToRetry,
      .otherQuestion:
      .badInput
    case .refused, .locked, .protocolBroken: .refused
    case .identity(let error): ExitStatus(error)
    default: .home
    }
  }

  private static func status(_ error: WireError) -> ExitStatus {
    switch error {
    case .unreachable, .timedOut, .noCoordinator, .shuttingDown: .unreachable
    case .portInUse, .cannotListen: .home
    case .malformed, .unknownRun, .unknownParticipant, .refusedPlan: .badInput
    case .refused(let name, _, _) where name.hasPrefix("invalid-"): .badInput
    case .failed: .failed
    default: .refused
    }
  }
}

// Errors of targets that know nothing of documents say their hints in the same shape.
extension AveragingError: HintedError {}
extension BaseError: HintedError {}
extension IdentityError: HintedError {}
extension ModelError: HintedError {}
extension SchemaError: HintedError {}
extension SpecialistError: HintedError {}
extension WireError: HintedError {}
