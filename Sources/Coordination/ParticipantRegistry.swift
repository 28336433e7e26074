import Foundation
public import Identities
public import SecureAggregation
public import Wire

/// Who was invited, who enrolled under which keys, and who may no longer call.
///
///     invited ──enrol──▶ enrolled ──revoke / leave──▶ gone ──invite──▶ invited …
///        └──expires, or invited again──▶ (its token opens nothing)
///
/// A value: time and token hashes are arguments. `decide` functions return the event to record; `apply` makes it true.
public struct ParticipantRegistry: Sendable, Equatable {
  /// The newest invitation of each name; of a token only its hash is ever kept.
  private(set) var invitations: [String: Invitation] = [:]
  private(set) var participants: [String: RegisteredParticipant] = [:]
  /// Averaging keys that may never call again, whatever their certificate says.
  private(set) var barredKeys: Set<IdentityKey> = []

  public init() {}

  public struct Invitation: Sendable, Hashable, Codable {
    public var name: String
    public var organisation: String
    public var tokenHash: Digest
    /// Unix seconds.
    public var expiresAt: Double
    /// What enrolled with it: a repetition of the very same request is answered again, anything else is a used token.
    public var usedBy: Digest?
  }

  /// Everything about participants that must survive a restart.
  public enum Event: Sendable, Hashable, Codable {
    case invited(Invitation)
    case enrolled(RegisteredParticipant, request: Digest)
    case renewed(name: String, at: Double, expiresAt: Double)
    case revoked(name: String, at: Double)
    case left(name: String, at: Double)
  }
}

/// One participant as the coordinator knows it: what its certificate binds, and since when.
public struct RegisteredParticipant: Sendable, Hashable, Codable {
  public enum Standing: String, Sendable, Hashable, Codable { case enrolled, revoked, left }

  public var name: String
  public var organisation: String
  public var averagingKey: IdentityKey
  public var enrolledAt: Double
  /// When its newest certificate was issued and when it ends, in unix seconds.
  public var certificateIssuedAt: Double
  public var certificateExpiresAt: Double
  public var standing: Standing
}

extension ParticipantRegistry {
  /// The participants that may take part now.
  public var enrolled: [RegisteredParticipant] {
    participants.values.filter { $0.standing == .enrolled }.sorted { $0.name < $1.name }
  }

  /// Whether `admit` would let the key's holder in.
  func admits(name: String, averagingKey: IdentityKey) -> Bool {
    (try? admit(name: name, averagingKey: averagingKey)) != nil
  }

  public var all: [RegisteredParticipant] { participants.values.sorted { $0.name < $1.name } }

  /// Invitations that still wait for their participant, in order of name.
  public func openInvitations(now: Double) -> [Invitation] {
    invitations.values.filter { $0.usedBy == nil && $0.expiresAt > now }.sorted { $0.name < $1.name }
  }

  /// Returns if a certificate that the authority signed is still good: the name is enrolled with this very key.
  ///
  /// A key that was revoked stays so when its name is invited again.
  public func admit(name: String, averagingKey: IdentityKey) throws(WireError) {
    guard let known = participants[name], !barredKeys.contains(averagingKey) else { throw .revoked(name: name) }
    guard known.averagingKey == averagingKey else { throw .changedKey(name: name) }
    guard known.standing == .enrolled else { throw .revoked(name: name) }
  }
}

extension ParticipantRegistry {
  /// - Throws: `.alreadyEnrolled` while that name is enrolled. A name that waits for its participant is invited anew, and the earlier
  ///   token opens nothing any more.
  public func invite(
    name: String, organisation: String, tokenHash: Digest, expiresAt: Double
  ) throws(WireError) -> Event {
    do {
      try Names.validate(name: name)
      try Names.validate(organisation: organisation)
    } catch {
      throw .refused(name: "invalid-name", message: error.description, suggestion: error.hint)
    }
    if participants[name]?.standing == .enrolled { throw .alreadyEnrolled(name: name) }
    return .invited(
      Invitation(name: name, organisation: organisation, tokenHash: tokenHash, expiresAt: expiresAt, usedBy: nil))
  }

  /// Checks a token and answers with the invitation that it opens. The organisation is the invitation's.
  public func invitation(
    tokenHash: Digest, name: String, request: Digest, now: Double
  ) throws(WireError) -> Invitation {
    guard let invitation = invitations.values.first(where: { $0.tokenHash == tokenHash }) else { throw .unknownToken }
    guard invitation.name == name else { throw .nameMismatch(certified: invitation.name, declared: name) }
    if let used = invitation.usedBy {
      guard used == request, participants[invitation.name]?.standing == .enrolled else {
        throw .usedToken(name: invitation.name)
      }
      return invitation
    }
    guard now < invitation.expiresAt else { throw .expiredToken(name: invitation.name) }
    return invitation
  }

  /// - Throws: `key-taken` if the averaging key is another participant's, or was barred.
  public func enrol(
    _ invitation: Invitation, averagingKey: IdentityKey, request: Digest, certificateExpiresAt: Double, now: Double
  ) throws(WireError) -> Event {
    let holder = participants.values.first { $0.averagingKey == averagingKey && $0.name != invitation.name }
    if holder != nil || barredKeys.contains(averagingKey) {
      throw .refused(
        name: "key-taken",
        message: "the averaging key that \(invitation.name) offers belongs to another participant, or was revoked",
        suggestion: "join with a new home, which makes a new key")
    }
    let participant = RegisteredParticipant(
      name: invitation.name, organisation: invitation.organisation, averagingKey: averagingKey, enrolledAt: now,
      certificateIssuedAt: now, certificateExpiresAt: certificateExpiresAt, standing: .enrolled)
    return .enrolled(participant, request: request)
  }

  /// - Parameter presented: The certificate that asks; it may have expired.
  /// - Throws: `renewed-too-early` before half of the presented certificate's life has passed, and within a hundredth of the
  ///   newest one's life of its issue: each renewal stays in the log for ever. Once that has passed an old certificate may
  ///   ask again, since the answer to the first time may have been lost.
  public func renew(
    _ presented: ParticipantIdentity, certificateExpiresAt: Double, now: Double
  ) throws(WireError) -> Event {
    let name = presented.name
    try admit(name: name, averagingKey: presented.averagingKey)
    guard let known = participants[name] else { throw .unknownParticipant(name) }
    let (start, end) = (presented.notBefore.timeIntervalSince1970, presented.notAfter.timeIntervalSince1970)
    let pause = (known.certificateExpiresAt - known.certificateIssuedAt) / 100
    let from = max((start + end) / 2, known.certificateIssuedAt + pause)
    guard now >= from else {
      throw .refused(
        name: "renewed-too-early",
        message: "the certificate of \(name) is renewed from \(Date(timeIntervalSince1970: from).ISO8601Format()) on",
        suggestion: "wait until then; a node does so by itself")
    }
    return .renewed(name: name, at: now, expiresAt: certificateExpiresAt)
  }

  public func revoke(name: String, now: Double) throws(WireError) -> Event {
    guard participants[name]?.standing == .enrolled || invitations[name]?.usedBy == nil && invitations[name] != nil
    else { throw .unknownParticipant(name) }
    return .revoked(name: name, at: now)
  }

  public func leave(name: String, now: Double) throws(WireError) -> Event {
    guard participants[name]?.standing == .enrolled else { throw .unknownParticipant(name) }
    return .left(name: name, at: now)
  }

  public mutating func apply(_ event: Event) {
    switch event {
    case .invited(let invitation): invitations[invitation.name] = invitation
    case .enrolled(let participant, let request):
      participants[participant.name] = participant
      invitations[participant.name]?.usedBy = request
    case .renewed(let name, let at, let expiresAt):
      participants[name]?.certificateIssuedAt = at
      participants[name]?.certificateExpiresAt = expiresAt
    case .revoked(let name, _): retire(name, as: .revoked)
    case .left(let name, _): retire(name, as: .left)
    }
  }

  private mutating func retire(_ name: String, as standing: RegisteredParticipant.Standing) {
    invitations[name] = nil
    guard let participant = participants[name] else { return }
    participants[name]?.standing = standing
    barredKeys.insert(participant.averagingKey)
  }
}
