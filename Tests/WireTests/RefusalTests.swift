import GRPCCore
import Identities
import SecureAggregation
import Testing

@testable import Wire

@Suite("Errors that travel")
struct RefusalTests {
  static let errors: [WireError] = [
    .unreachable(address: "a:1", reason: "b"), .timedOut(what: "a"), .untrustedCoordinator(reason: "a"),
    .portInUse(address: "a:1"), .cannotListen(address: "a:1", reason: "b"), .noCoordinator(socket: "/a"),
    .protocolVersion(expected: "1", found: "2"), .shuttingDown, .notEnrolled,
    .otherAuthority(expected: "a", found: "b"), .certificateExpired(name: "a", at: "b"),
    .certificateNotYetValid(name: "a", from: "b"), .wrongRole(expected: "a", found: "b"), .revoked(name: "a"),
    .nameMismatch(certified: "a", declared: "b"), .organisationMismatch(certified: "ä", declared: "β"),
    .keyMismatch(name: "a"), .changedKey(name: "a"), .unknownToken, .usedToken(name: "a"), .expiredToken(name: "a"),
    .badProof, .connectionKeyMismatch, .alreadyEnrolled(name: "a"), .malformed(message: "A", reason: "b"),
    .oversize(what: "a", limit: 1, found: 2), .unknownBlob(Samples.digest(1)), .corruptBlob(Samples.digest(2)),
    .wrongOffset(expected: 1, found: 2), .unknownRound(1 << 40), .averaging(.secondRoster),
    .averaging(.wrongLength(of: "upload", expected: 1, found: 2)),
    .averaging(.clipNormOutsidePolicy(plan: 5, policy: 2.5)),
    .averaging(.modelNotInChain(run: "r", expected: Samples.digest(3), found: Samples.digest(4))), .unknownRun("a"),
    .unknownParticipant("a"), .refusedPlan(reason: "a", suggestion: nil), .refusedPlan(reason: "a", suggestion: "b"),
    .refused(name: "disk-full", message: "the disk is full", suggestion: "make room"),
    .failed(reason: "the other side failed"),
  ]

  @Test("Every error comes back from its status as the same case", arguments: errors)
  func roundTrip(_ error: WireError) {
    #expect(WireError(error.rpcError) == error)
    #expect(error.rpcError.message == error.description)
  }

  @Test("Every error says what it is in one line of lower case without a full stop", arguments: errors)
  func style(_ error: WireError) {
    let text = error.description
    #expect(!text.isEmpty && !text.contains("\n") && !text.hasSuffix("."))
    #expect(text.first.map { !$0.isUppercase } ?? false)
  }

  @Test("An averaging error's name on the wire is its case's own")
  func names() throws {
    func name(_ error: WireError) throws -> String {
      let bytes = try #require(error.rpcError.metadata[binaryValues: "tributary-refusal-bin"].first { _ in true })
      return try Tributary_V1_Refusal(serializedBytes: bytes).name
    }
    #expect(try name(.averaging(.secondRoster)) == "averaging/secondRoster")
    #expect(try name(.averaging(.changedAdvert("x"))) == "averaging/changedAdvert")
    #expect(try name(.usedToken(name: "x")) == "used-token")
  }

  @Test("A refusal that this version does not know keeps its name, message and hint")
  func unknown() {
    let error = WireError(name: "quota", message: "over quota", hint: "wait", values: ["a", "b"])
    #expect(error == .refused(name: "quota", message: "over quota", suggestion: "wait"))
    #expect(error.hint == "wait")
    // Known names with facts that do not fit are not misread.
    for (name, values) in [
      ("oversize", ["a", "x", "1"]), ("unknown-blob", ["00"]), ("averaging/secondRoster", ["{"]), ("revoked", []),
    ] {
      #expect(
        WireError(name: name, message: "m", hint: nil, values: values)
          == .refused(name: name, message: "m", suggestion: nil))
    }
  }

  @Test("A status without a refusal is not one of ours")
  func foreign() {
    #expect(WireError(RPCError(code: .unavailable, message: "x")) == nil)
    #expect(
      WireError(RPCError(code: .unavailable, message: "x", metadata: ["tributary-refusal-bin": [0xFF, 0xFF]])) == nil)
  }

  @Test("A service's own named errors travel under their names")
  func services() {
    struct DiskFull: NamedRefusal {
      let refusalName = "disk-full"
      let description = "the disk is full"
      let hint: String? = "make room"
    }
    #expect(
      WireError(anyThrown: DiskFull())
        == .refused(name: "disk-full", message: "the disk is full", suggestion: "make room"))
  }
}
