import Foundation
public import Identities
import SecureAggregation
public import Wire

extension NodeHome {
  /// Turns an invitation into a node's home: keys made here, a certificate over them, a policy that allows nothing.
  ///
  /// Safe to repeat, also after a crash at any place: keys are made once, and a home that is enrolled by this coordinator
  /// under this name stays as it is. The keys never leave; a request and a proof of possession do.
  ///
  /// - Parameters:
  ///   - data: The file with the node's rows; may be named later.
  ///   - request: Asks the invitation's coordinator, and checks what it answers.
  /// - Throws: `.otherCoordinator`, `.otherName`, `.left`; `.coordinator` for a token that is used, expired or forged.
  public func enrol(
    by invitation: InviteLine, data: String? = nil,
    request: (InviteLine, NodeKeys) async throws -> Enrolment = { try await EnrolmentClient.enrol($0, keys: $1) }
  ) async throws(ParticipationError) {
    let address = CoordinatorAddress(invitation).description
    var settings = NodeSettings(
      name: invitation.name, coordinator: address, authority: invitation.authority.hex)
    if exists {
      settings = try self.settings()
      guard settings.authority == invitation.authority.hex else {
        throw .otherCoordinator(path: path, belongsTo: settings.coordinator, invitedBy: address)
      }
      guard settings.name == invitation.name else {
        throw .otherName(path: path, has: settings.name, invited: invitation.name)
      }
      if try recordEntries().contains(where: { $0.event == .left }) { throw .left(path: path) }
    }
    try makeDirectories()
    settings.coordinator = address
    if let data { settings.data = URL(fileURLWithPath: data).standardizedFileURL.path }
    try save(settings)
    try writeFirstPolicy()
    if isEnrolled { return }

    let keys = try keysMadeIfMissing()
    _ = try nodeSecret()
    let enrolment: Enrolment
    do { enrolment = try await request(invitation, keys) } catch { throw ParticipationError(anyError: error) }
    let identity = enrolment.certificate.identity
    if let organisation = settings.organisation, organisation != identity.organisation {
      throw .otherOrganisation(path: path, has: organisation, invited: identity.organisation)
    }
    settings.organisation = identity.organisation
    try save(settings)
    try journal.create()
    try record(RecordEntry(at: Date(), event: .joined, note: "\(address), \(identity.averagingKey)"))
    try keep(
      certificate: enrolment.certificate, authority: enrolment.authority, coordinatorKey: enrolment.coordinatorKey)
  }

  /// The fingerprint that other owners list under `peers:`.
  public func fingerprint() throws(ParticipationError) -> String { try keys().averaging.publicKey.fingerprint }
}

extension ParticipationError {
  /// Errors of the targets below, each under the case that is made for it.
  init(anyError error: any Error) {
    switch error {
    case let error as ParticipationError: self = error
    case let error as WireError: self = .coordinator(error)
    case let error as IdentityError: self = .identity(error)
    default: self = .protocolBroken(what: "\(error)")
    }
  }
}
