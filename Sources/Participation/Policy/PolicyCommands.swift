import Federation
import Foundation
import SecureAggregation

// What an owner's `policy` commands change. Each is on record.

extension NodeHome {
  /// Allows a plan, or with `free` every plan that differs only in these keys. Repeating it changes nothing.
  ///
  /// - Parameters:
  ///   - digest: As `preview` prints it: the plan's, or the template's when keys are free.
  ///   - free: Keys that may take any value, of `RunPlan.freeableKeys`.
  public func allow(_ digest: String, free: [String] = []) throws(ParticipationError) {
    let digest = try Digest(typed: digest)
    for key in free where !RunPlan.freeableKeys.contains(key) {
      let error = FederationError.keyNotFree(key)
      throw .document(message: error.description, hint: error.hint)
    }
    let allowed = NodePolicy.AllowedPlan(digest: digest, free: free)
    try changePolicy { policy in
      policy.plans.removeAll { $0.digest == digest }
      policy.plans.append(allowed)
    }
    let note = free.isEmpty ? nil : "free: \(free.sorted().joined(separator: ", "))"
    try record(RecordEntry(at: Date(), event: .allowed, plan: digest, note: note))
  }

  /// Takes a permission back. A round that is under way goes no further than the next step that asks the policy.
  public func disallow(_ digest: String) throws(ParticipationError) {
    let digest = try Digest(typed: digest)
    try changePolicy { policy throws(ParticipationError) in
      guard policy.plans.contains(where: { $0.digest == digest }) else { throw .planNotListed(digest.description) }
      policy.plans.removeAll { $0.digest == digest }
    }
    try record(RecordEntry(at: Date(), event: .disallowed, plan: digest))
  }

  /// Lists another owner's node by the fingerprint that its owner passed on.
  public func addPeer(fingerprint: String, name: String? = nil) throws(ParticipationError) {
    guard let key = IdentityKey(fingerprint: fingerprint) else { throw .notAFingerprint(fingerprint) }
    try changePolicy { policy in
      policy.peers.removeAll { $0.fingerprint == key }
      policy.peers.append(NodePolicy.KnownPeer(name: name, fingerprint: key))
    }
  }

  /// Takes a peer off the list, and lowers the number that rounds must hold if it could no longer be reached.
  public func removePeer(fingerprint: String) throws(ParticipationError) {
    guard let key = IdentityKey(fingerprint: fingerprint) else { throw .notAFingerprint(fingerprint) }
    try changePolicy { policy in
      policy.peers.removeAll { $0.fingerprint == key }
      policy.minimumKnownPeers = min(policy.minimumKnownPeers, policy.peers.count)
    }
  }
}

extension Digest {
  fileprivate init(typed text: String) throws(ParticipationError) {
    guard let digest = Digest(hex: text) else { throw .notADigest(text) }
    self = digest
  }
}
