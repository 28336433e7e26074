public import Foundation
public import Identities
public import SecureAggregation
public import Wire

/// What a node shows and checks when it talks to its coordinator.
public struct NodeCredentials: Sendable {
  public var keys: NodeKeys
  public var certificate: IssuedCertificate
  /// The coordinator's authority, DER.
  public var authority: [UInt8]
  /// Signs round plans and closes.
  public var coordinatorKey: IdentityKey
  public var address: CoordinatorAddress

  /// Connects to the coordinator, as this node, for the length of `body`.
  public func connected<Value: Sendable>(_ body: (CoordinatorClient) async throws -> Value) async throws -> Value {
    try await CoordinatorClient.connected(
      to: address, authority: Digest(sha256: authority), material: keys.material(certificate: certificate), body)
  }
}

extension NodeHome {
  private var certificateFile: String { certificatesDirectory + "/node.der" }
  private var authorityFile: String { certificatesDirectory + "/authority.der" }
  private var coordinatorKeyFile: String { certificatesDirectory + "/coordinator.key" }
  private var nodeSecretFile: String { keysDirectory + "/node.secret" }
  private var hasKeys: Bool { OwnedFile.exists(keysDirectory + "/averaging.key") }

  /// Whether a certificate is here.
  public var isEnrolled: Bool { OwnedFile.exists(certificateFile) && OwnedFile.exists(coordinatorKeyFile) }

  /// The node's private keys, or an error that says why there are none.
  public func keys() throws(ParticipationError) -> NodeKeys {
    guard exists else { throw .noHome(path: path) }
    guard hasKeys else {
      throw try recordEntries().contains { $0.event == .left } ? .left(path: path) : .notEnrolled(path: path)
    }
    do { return try NodeKeys(directory: keysDirectory) } catch { throw .identity(error) }
  }

  /// The keys, made now if the home has none: they are on the disk before anyone hears of them.
  func keysMadeIfMissing() throws(ParticipationError) -> NodeKeys {
    do {
      if hasKeys { return try NodeKeys(directory: keysDirectory) }
      try NodeKeys.erase(in: keysDirectory)  // half of a pair that a crash left behind
      let keys = try NodeKeys()
      try keys.save(in: keysDirectory)
      return keys
    } catch { throw .identity(error) }
  }

  /// The secret behind the node's local randomness, 32 bytes, made when it is first asked for.
  func nodeSecret() throws(ParticipationError) -> Secret {
    if let bytes = try OwnedFile.readSecret(nodeSecretFile) {
      guard bytes.count == 32 else { throw .damaged(path: nodeSecretFile, reason: "it has not 32 bytes") }
      return Secret(bytes)
    }
    do {
      let secret = try Secret.random()
      try OwnedFile.replace(nodeSecretFile, with: secret.bytes)
      return secret
    } catch let error as ParticipationError {
      throw error
    } catch {
      throw .file(path: nodeSecretFile, reason: "\(error)")
    }
  }

  /// Everything that mutual TLS and the averaging protocol need.
  public func credentials() throws(ParticipationError) -> NodeCredentials {
    let keys = try keys()
    guard let certificate = try OwnedFile.read(certificateFile), let authority = try OwnedFile.read(authorityFile),
      let key = try OwnedFile.read(coordinatorKeyFile)
    else { throw .enrolmentUnfinished(path: path) }
    guard let coordinatorKey = IdentityKey(bytes: key) else {
      throw .damaged(path: coordinatorKeyFile, reason: "it has not 32 bytes")
    }
    do {
      return NodeCredentials(
        keys: keys, certificate: try IssuedCertificate(der: certificate), authority: authority,
        coordinatorKey: coordinatorKey, address: try settings().address)
    } catch let error as ParticipationError {
      throw error
    } catch let error as IdentityError {
      throw .identity(error)
    } catch {
      throw .damaged(path: certificateFile, reason: "\(error)")
    }
  }

  /// Keeps what enrolment or renewal gave. The certificate comes last: with it the home counts as enrolled.
  func keep(certificate: IssuedCertificate, authority: [UInt8], coordinatorKey: IdentityKey) throws(ParticipationError)
  {
    try OwnedFile.replace(authorityFile, with: authority)
    try OwnedFile.replace(coordinatorKeyFile, with: coordinatorKey.bytes)
    try OwnedFile.replace(certificateFile, with: certificate.der)
  }

  /// When the certificate ends; `nil` before enrolment.
  public func certificateEnds() throws(ParticipationError) -> Date? {
    guard let der = try OwnedFile.read(certificateFile) else { return nil }
    do { return try IssuedCertificate(der: der).identity.notAfter } catch { throw .identity(error) }
  }

  /// Overwrites and deletes every secret of the node: keys, the local secret, and the state of unfinished rounds.
  ///
  /// Policy, record, ledger, certificates and models stay: what was shared remains on record.
  func eraseSecrets() throws(ParticipationError) {
    do { try NodeKeys.erase(in: keysDirectory) } catch { throw .identity(error) }
    try OwnedFile.erase(nodeSecretFile)
    for name in OwnedFile.names(in: stateDirectory) where name.hasPrefix("round-") {
      try OwnedFile.erase("\(stateDirectory)/\(name)")
    }
    // What a crash between writing and renaming left behind.
    for name in OwnedFile.names(in: keysDirectory) { try OwnedFile.erase("\(keysDirectory)/\(name)") }
  }
}
