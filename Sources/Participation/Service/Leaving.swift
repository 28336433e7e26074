import Foundation
import Wire

extension NodeHome {
  /// Leaves the federation: the certificate is revoked at the coordinator, every secret here is overwritten and deleted, and
  /// the record of what was shared stays.
  ///
  /// A process that takes part with this home notices the revocation and stops; until it has, nothing is deleted.
  ///
  /// - Parameters:
  ///   - evenIfUnreachable: Delete the secrets although the coordinator could not be told; without them nobody can use the
  ///     certificate, which then ends by itself.
  ///   - revoke: Tells the coordinator.
  public func leave(
    evenIfUnreachable: Bool = false, revoke: (NodeCredentials) async throws -> Void = NodeHome.revoke
  ) async throws(ParticipationError) {
    let credentials = try credentials()
    var note = "revoked at the coordinator"
    // A process that takes part will hear of the revocation first, and this tells it whose wish that was.
    try OwnedFile.replace(leavingFile, with: [])
    do {
      try await revoke(credentials)
    } catch {
      guard evenIfUnreachable else {
        try OwnedFile.remove(leavingFile)
        throw ParticipationError(anyError: error)
      }
      note = "the coordinator could not be told: \(error)"
    }
    let lock = try await lockWhenFree()
    try eraseSecrets()
    try record(RecordEntry(at: Date(), event: .left, note: note))
    try save(NodeActivity(at: Date(), state: .stopped))
    _ = consume lock
  }

  private var leavingFile: String { stateDirectory + "/leaving" }

  /// Whether this node's owner has asked it to leave.
  var isLeaving: Bool { OwnedFile.exists(leavingFile) }

  /// Asks the coordinator to revoke this node's certificate; one that is revoked already is no error.
  public static func revoke(_ credentials: NodeCredentials) async throws {
    try await credentials.connected { try await $0.leave() }
  }

  /// Waits up to ten seconds for the process that takes part to end.
  private func lockWhenFree() async throws(ParticipationError) -> Lock {
    for _ in 0..<100 {
      do throws(ParticipationError) { return try lock() } catch .alreadyRunning {
        do { try await Task.sleep(for: .milliseconds(100)) } catch { throw .alreadyRunning(path: path) }
      }
    }
    return try lock()
  }
}
