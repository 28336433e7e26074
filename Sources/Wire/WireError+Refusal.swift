import Foundation
public import GRPCCore
import SecureAggregation
import SwiftProtobuf

// How an error travels: a status code, and a `Refusal` in the trailing metadata that brings the same case back.

extension WireError {
  static let refusalKey = "tributary-refusal-bin"

  /// The name that stands for the case on the wire, its coarse status, and its facts in order.
  private var form: (name: String, code: RPCError.Code, values: [String]) {
    switch self {
    case .unreachable(let address, let reason): ("unreachable", .unavailable, [address, reason])
    case .timedOut(let what): ("timed-out", .deadlineExceeded, [what])
    case .untrustedCoordinator(let reason): ("untrusted-coordinator", .unauthenticated, [reason])
    case .portInUse(let address): ("port-in-use", .failedPrecondition, [address])
    case .cannotListen(let address, let reason): ("cannot-listen", .failedPrecondition, [address, reason])
    case .noCoordinator(let socket): ("no-coordinator", .unavailable, [socket])
    case .protocolVersion(let expected, let found): ("protocol-version", .failedPrecondition, [expected, found])
    case .shuttingDown: ("shutting-down", .unavailable, [])
    case .notEnrolled: ("not-enrolled", .unauthenticated, [])
    case .otherAuthority(let expected, let found): ("other-authority", .unauthenticated, [expected, found])
    case .certificateExpired(let name, let at): ("certificate-expired", .unauthenticated, [name, at])
    case .certificateNotYetValid(let name, let from): ("certificate-not-yet-valid", .unauthenticated, [name, from])
    case .wrongRole(let expected, let found): ("wrong-role", .permissionDenied, [expected, found])
    case .revoked(let name): ("revoked", .permissionDenied, [name])
    case .nameMismatch(let certified, let declared): ("name-mismatch", .permissionDenied, [certified, declared])
    case .organisationMismatch(let certified, let declared):
      ("organisation-mismatch", .permissionDenied, [certified, declared])
    case .keyMismatch(let name): ("key-mismatch", .permissionDenied, [name])
    case .changedKey(let name): ("changed-key", .permissionDenied, [name])
    case .unknownToken: ("unknown-token", .permissionDenied, [])
    case .usedToken(let name): ("used-token", .permissionDenied, [name])
    case .expiredToken(let name): ("expired-token", .permissionDenied, [name])
    case .badProof: ("bad-proof", .permissionDenied, [])
    case .connectionKeyMismatch: ("connection-key-mismatch", .permissionDenied, [])
    case .alreadyEnrolled(let name): ("already-enrolled", .alreadyExists, [name])
    case .malformed(let message, let reason): ("malformed", .invalidArgument, [message, reason])
    case .oversize(let what, let limit, let found): ("oversize", .invalidArgument, [what, "\(limit)", "\(found)"])
    case .unknownBlob(let digest): ("unknown-blob", .notFound, [digest.hex])
    case .corruptBlob(let digest): ("corrupt-blob", .dataLoss, [digest.hex])
    case .wrongOffset(let expected, let found): ("wrong-offset", .outOfRange, ["\(expected)", "\(found)"])
    case .unknownRound(let round): ("unknown-round", .notFound, ["\(round)"])
    case .averaging(let error): Self.form(of: error)
    case .unknownRun(let run): ("unknown-run", .notFound, [run])
    case .unknownParticipant(let name): ("unknown-participant", .notFound, [name])
    case .refusedPlan(let reason, _): ("refused-plan", .invalidArgument, [reason])
    case .refused(let name, _, _): (name, .failedPrecondition, [])
    case .failed: ("failed", .internalError, [])
    }
  }

  /// The case that a name stands for; `.refused` for one that this version does not know.
  init(name: String, message: String, hint: String?, values: [String]) {
    let known: WireError? =
      switch (name, values.count) {
      case ("unreachable", 2): .unreachable(address: values[0], reason: values[1])
      case ("timed-out", 1): .timedOut(what: values[0])
      case ("untrusted-coordinator", 1): .untrustedCoordinator(reason: values[0])
      case ("port-in-use", 1): .portInUse(address: values[0])
      case ("cannot-listen", 2): .cannotListen(address: values[0], reason: values[1])
      case ("no-coordinator", 1): .noCoordinator(socket: values[0])
      case ("protocol-version", 2): .protocolVersion(expected: values[0], found: values[1])
      case ("shutting-down", 0): .shuttingDown
      case ("not-enrolled", 0): .notEnrolled
      case ("other-authority", 2): .otherAuthority(expected: values[0], found: values[1])
      case ("certificate-expired", 2): .certificateExpired(name: values[0], at: values[1])
      case ("certificate-not-yet-valid", 2): .certificateNotYetValid(name: values[0], from: values[1])
      case ("wrong-role", 2): .wrongRole(expected: values[0], found: values[1])
      case ("revoked", 1): .revoked(name: values[0])
      case ("name-mismatch", 2): .nameMismatch(certified: values[0], declared: values[1])
      case ("organisation-mismatch", 2): .organisationMismatch(certified: values[0], declared: values[1])
      case ("key-mismatch", 1): .keyMismatch(name: values[0])
      case ("changed-key", 1): .changedKey(name: values[0])
      case ("unknown-token", 0): .unknownToken
      case ("used-token", 1): .usedToken(name: values[0])
      case ("expired-token", 1): .expiredToken(name: values[0])
      case ("bad-proof", 0): .badProof
      case ("connection-key-mismatch", 0): .connectionKeyMismatch
      case ("already-enrolled", 1): .alreadyEnrolled(name: values[0])
      case ("malformed", 2): .malformed(message: values[0], reason: values[1])
      case ("oversize", 3):
        if let limit = Int(values[1]), let found = Int(values[2]) {
          .oversize(what: values[0], limit: limit, found: found)
        } else {
          nil
        }
      case ("unknown-blob", 1): Digest(hex: values[0]).map { .unknownBlob($0) }
      case ("corrupt-blob", 1): Digest(hex: values[0]).map { .corruptBlob($0) }
      case ("wrong-offset", 2):
        if let expected = Int(values[0]), let found = Int(values[1]) {
          .wrongOffset(expected: expected, found: found)
        } else {
          nil
        }
      case ("unknown-round", 1): UInt64(values[0]).map { .unknownRound($0) }
      case (_, 1) where name.hasPrefix(Self.averagingPrefix):
        (try? JSONDecoder().decode(AveragingError.self, from: Data(values[0].utf8))).map { .averaging($0) }
      case ("unknown-run", 1): .unknownRun(values[0])
      case ("unknown-participant", 1): .unknownParticipant(values[0])
      case ("refused-plan", 1): .refusedPlan(reason: values[0], suggestion: hint)
      case ("failed", 0): .failed(reason: message)
      default: nil
      }
    self = known ?? .refused(name: name, message: message, suggestion: hint)
  }

  private static let averagingPrefix = "averaging/"

  /// `averaging/` and the case's own name; the one value is the case as JSON, so that it comes back whole.
  private static func form(of error: AveragingError) -> (String, RPCError.Code, [String]) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let json = (try? encoder.encode(error)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    let name = json.split(separator: "\"", maxSplits: 2).dropFirst().first ?? "unknown"
    return (averagingPrefix + name, .failedPrecondition, [json])
  }

  /// The status and metadata that carry this error.
  public var rpcError: RPCError {
    let (name, code, values) = form
    let refusal = Tributary_V1_Refusal.with {
      $0.name = name
      $0.message = description
      $0.hint = hint ?? ""
      $0.values = values
    }
    var metadata = Metadata()
    if let bytes: [UInt8] = try? refusal.serializedBytes() { metadata.addBinary(bytes, forKey: Self.refusalKey) }
    return RPCError(code: code, message: description, metadata: metadata)
  }

  /// The error that a status carries; nil if it is not one of ours.
  init?(_ error: RPCError) {
    guard let bytes = error.metadata[binaryValues: Self.refusalKey].first(where: { _ in true }),
      let refusal = try? Tributary_V1_Refusal(serializedBytes: bytes)
    else { return nil }
    // HTTP/2 bounds its length; what it says ends up on somebody's terminal.
    self.init(
      name: refusal.name.printable, message: refusal.message.printable,
      hint: refusal.hint.isEmpty ? nil : refusal.hint.printable, values: refusal.values.map(\.printable))
  }

  /// Whatever a service threw, as an error that may travel. Unknown errors say nothing of their insides.
  init(anyThrown error: any Error) {
    switch error {
    case let error as WireError: self = error
    case let error as AveragingError: self = .averaging(error)
    case let error as any NamedRefusal:
      self = .refused(name: error.refusalName, message: "\(error)", suggestion: error.hint)
    case is CancellationError: self = .shuttingDown
    default: self = .failed(reason: "the other side failed")
    }
  }
}

/// An error of a service's own that may travel, under a stable name in lower case and hyphens.
public protocol NamedRefusal: Error, CustomStringConvertible {
  var refusalName: String { get }
  var hint: String? { get }
}
