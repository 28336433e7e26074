import Foundation
import Identities
import SecureAggregation
import Testing
import Wire

@testable import Participation

@Suite("A node's home")
struct HomeTests {
  private func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test("Enrolment leaves a home of 0700 with secrets of 0600, a policy that allows nothing, and a line in the record")
  func enrolled() async throws {
    let federation = try await TestFederation(names: ["bay"], allowed: false)
    defer { federation.remove() }
    let home = federation.nodes[0].home
    #expect(try mode(home.path) == 0o700)
    #expect(try mode(home.keysDirectory) == 0o700)
    for file in ["keys/tls.key", "keys/averaging.key", "keys/node.secret", "policy.yaml", "record.jsonl"] {
      #expect(try mode("\(home.path)/\(file)") == 0o600)
    }
    #expect(try home.policy() == .allowingNothing)
    #expect(try home.settings().organisation == "bay hospital")
    #expect(try home.recordEntries().map(\.event) == [.joined])
    #expect(try home.fingerprint().hasPrefix("ed25519:"))
  }

  @Test("A home of another coordinator, or of another name, takes no invitation")
  func foreign() async throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = NodeHome(path: directory + "/home")
    let first = try CoordinatorAuthority()
    let key = try IdentitySigner().publicKey
    try await TestFederation.enrol(home, name: "bay", authority: first, coordinator: key)
    try await TestFederation.enrol(home, name: "bay", authority: first, coordinator: key)  // again: nothing changes
    await #expect(
      throws: ParticipationError.otherCoordinator(
        path: home.path, belongsTo: "127.0.0.1:1", invitedBy: "127.0.0.1:1")
    ) {
      try await TestFederation.enrol(home, name: "bay", authority: try CoordinatorAuthority(), coordinator: key)
    }
    await #expect(throws: ParticipationError.otherName(path: home.path, has: "bay", invited: "hill")) {
      try await TestFederation.enrol(home, name: "hill", authority: first, coordinator: key)
    }
  }

  @Test("A refused token leaves keys that the next try uses again")
  func refusedToken() async throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = NodeHome(path: directory + "/home")
    let authority = try CoordinatorAuthority()
    let line = try InviteLine(
      host: "127.0.0.1", port: 1, name: "bay", authority: authority.digest,
      token: InviteToken(bytes: [UInt8](repeating: 1, count: 32))!)
    await #expect(throws: ParticipationError.coordinator(.expiredToken(name: "bay"))) {
      try await home.enrol(by: line) { _, _ in throw WireError.expiredToken(name: "bay") }
    }
    #expect(!home.isEnrolled)
    #expect(throws: ParticipationError.enrolmentUnfinished(path: home.path)) { try home.credentials() }
    let fingerprint = try home.fingerprint()
    try await TestFederation.enrol(
      home, name: "bay", authority: authority, coordinator: try IdentitySigner().publicKey)
    #expect(try home.fingerprint() == fingerprint)
  }

  @Test("Leaving deletes keys and the secrets of unfinished rounds, and keeps the record")
  func leaving() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    try await federation.connectAll()
    for node in federation.nodes { try await node.step() }  // all have advertised
    let home = federation.nodes[0].home
    #expect(try home.rounds().count == 1)

    await #expect(throws: ParticipationError.coordinator(.unreachable(address: "a:1", reason: "connection refused"))) {
      try await home.leave { _ in throw WireError.unreachable(address: "a:1", reason: "connection refused") }
    }
    #expect(!home.isLeaving)
    #expect(try home.rounds().count == 1)
    try await home.leave { _ in #expect(home.isLeaving) }

    #expect(OwnedFile.names(in: home.keysDirectory).isEmpty)
    #expect(try home.rounds().isEmpty)
    #expect(try home.recordEntries().map(\.event).suffix(1) == [.left])
    #expect(throws: ParticipationError.left(path: home.path)) { try home.credentials() }
    #expect(try NodeStatus(of: home).left)
    let invitation = try InviteLine(
      host: "127.0.0.1", port: 1, name: "bay", authority: Digest(hex: try home.settings().authority)!,
      token: InviteToken(bytes: [UInt8](repeating: 1, count: 32))!)
    await #expect(throws: ParticipationError.left(path: home.path)) {
      try await home.enrol(by: invitation) { _, _ in throw WireError.unknownToken }
    }
  }

  @Test("A certificate past two thirds of its life is renewed over the same keys, and the connection is made anew")
  func renewal() async throws {
    let federation = try await TestFederation(names: ["bay"], allowed: false)
    defer { federation.remove() }
    let home = federation.nodes[0].home
    let keys = try home.keys()
    let old = try federation.authority.issueParticipant(
      name: "bay", organisation: "bay hospital", averagingKey: keys.averaging.publicKey,
      certificateRequest: try keys.certificateRequest(name: "bay"), now: Date().addingTimeInterval(-20 * 3600))
    try home.keep(
      certificate: old, authority: federation.authority.certificateDER,
      coordinatorKey: federation.coordinator.signer.publicKey)

    var participant = Participant(home: home, log: TestNode.log)
    participant.renewalPause = .zero
    try await participant.session(
      home.credentials(),
      connection: TestConnection(
        coordinator: federation.coordinator, peer: federation.nodes[0].peer, authority: federation.authority),
      board: ActivityBoard(home: home, log: TestNode.log))

    let renewed = try home.credentials().certificate.identity
    #expect(renewed.notAfter > old.identity.notAfter)
    #expect(renewed.averagingKey == old.identity.averagingKey)
    #expect(try home.recordEntries().map(\.event).suffix(1) == [.renewed])
  }

  @Test("A renewed certificate for another organisation is not kept: the peers have pinned the one that the node has")
  func renewalElsewhere() async throws {
    let federation = try await TestFederation(names: ["bay"], allowed: false)
    defer { federation.remove() }
    let home = federation.nodes[0].home
    let keys = try home.keys()
    let old = try federation.authority.issueParticipant(
      name: "bay", organisation: "bay hospital", averagingKey: keys.averaging.publicKey,
      certificateRequest: try keys.certificateRequest(name: "bay"), now: Date().addingTimeInterval(-20 * 3600))
    try home.keep(
      certificate: old, authority: federation.authority.certificateDER,
      coordinatorKey: federation.coordinator.signer.publicKey)
    var participant = Participant(home: home, log: TestNode.log)
    participant.renewalPause = .zero
    var peer = federation.nodes[0].peer
    peer.organisation = "another hospital"
    let connection = TestConnection(coordinator: federation.coordinator, peer: peer, authority: federation.authority)
    let error = await #expect(throws: ParticipationError.self) {
      try await participant.session(
        home.credentials(), connection: connection, board: ActivityBoard(home: home, log: TestNode.log))
    }
    #expect(error == .protocolBroken(what: "the renewed certificate is for another node"))
    #expect(try home.credentials().certificate.identity.organisation == "bay hospital")
  }

  @Test("A home of one organisation takes no certificate of another")
  func otherOrganisation() async throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = NodeHome(path: directory + "/home")
    let authority = try CoordinatorAuthority()
    let key = try IdentitySigner().publicKey
    try await TestFederation.enrol(home, name: "bay", authority: authority, coordinator: key)
    try FileManager.default.removeItem(atPath: home.certificatesDirectory + "/node.der")
    var settings = try home.settings()
    settings.organisation = "another hospital"
    try home.save(settings)
    await #expect(
      throws: ParticipationError.otherOrganisation(
        path: home.path, has: "another hospital", invited: "bay hospital")
    ) {
      try await TestFederation.enrol(home, name: "bay", authority: authority, coordinator: key)
    }
    #expect(!home.isEnrolled)
  }

  @Test("Two processes cannot take part with one home")
  func locked() async throws {
    let federation = try await TestFederation(names: ["bay"])
    defer { federation.remove() }
    let home = federation.nodes[0].home
    #expect(!home.isInUse)
    let lock = try home.lock()
    #expect(home.isInUse)
    #expect(throws: ParticipationError.alreadyRunning(path: home.path)) { _ = try home.lock() }
    _ = consume lock
    #expect(!home.isInUse)
  }

  @Test("A state file that others can read is refused")
  func openState() async throws {
    let federation = try await TestFederation(names: ["bay"])
    defer { federation.remove() }
    let home = federation.nodes[0].home
    let file = home.ledgerFile
    chmod(file, 0o644)
    #expect(throws: ParticipationError.openToOthers(path: file, mode: "0644")) { try home.ledger() }
  }

  @Test("An entry of the record that a crash cut short costs no other entry")
  func cutRecord() async throws {
    let federation = try await TestFederation(names: ["bay"])
    defer { federation.remove() }
    let home = federation.nodes[0].home
    let handle = try #require(FileHandle(forWritingAtPath: home.recordFile))
    handle.seekToEndOfFile()
    handle.write(Foundation.Data("{\"at\":\"2026".utf8))
    try handle.close()
    try home.record(RecordEntry(at: Date(timeIntervalSince1970: 0), event: .renewed))
    #expect(try home.recordEntries().map(\.event) == [.joined, .allowed, .renewed])
  }

  @Test("A directory that is no home says how to make one")
  func noHome() {
    let home = NodeHome(path: "/nowhere/at/all")
    #expect(throws: ParticipationError.noHome(path: "/nowhere/at/all")) { try home.settings() }
    #expect(ParticipationError.noHome(path: "x").hint == "tributary join LINE --home HOME makes one")
  }
}
