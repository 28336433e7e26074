/// Everything that one participant's round is made of, derived from its 32-byte seed so that a restarted node makes
/// every message again bit for bit.
struct RoundKeys {
  private let seed: Secret
  /// mu: the secret behind ``maskScalar``, shared among all so that the masks of a lost participant can be removed.
  let maskSecret: Secret
  /// b: the secret behind the mask that only its owner knows, shared so that a survivor's can be removed.
  let selfSecret: Secret
  /// c_sk
  let shareScalar: Secret
  /// s_sk
  let maskScalar: Secret
  let nonce: [UInt8]

  init(seed: Secret) {
    self.seed = seed
    maskSecret = seed.derive(info: derivation("fsa1/seed/mu"))
    selfSecret = seed.derive(info: derivation("fsa1/seed/b"))
    shareScalar = seed.derive(info: derivation("fsa1/seed/c-x25519"))
    nonce = seed.derive(info: derivation("fsa1/seed/nonce"), count: 16).bytes
    maskScalar = Self.maskScalar(maskSecret)
  }

  /// The mask key's private half, which anyone who reconstructs mu can derive.
  static func maskScalar(_ maskSecret: Secret) -> Secret {
    maskSecret.derive(info: derivation("fsa1/mask-x25519"))
  }

  /// cb: H("fsa1/commit-b", planHash || id || b).
  static func commitment(planHash: Digest, name: String, selfSecret: [UInt8]) -> Digest {
    var known = CanonicalBytes()
    known.append(planHash)
    known.append(name)
    var message = labelled("fsa1/commit-b", known.bytes)
    message.reserveCapacity(message.count + selfSecret.count)
    message += selfSecret
    defer { Primitives.cleanse(&message) }
    return Digest(sha256: message)
  }

  func advert(_ peer: Peer, planHash: Digest) throws(AveragingError) -> Advert {
    Advert(
      peer: peer, planHash: planHash, shareKey: try Primitives.x25519PublicKey(shareScalar),
      maskKey: try Primitives.x25519PublicKey(maskScalar),
      commitment: Self.commitment(planHash: planHash, name: peer.name, selfSecret: selfSecret.bytes), nonce: nonce)
  }

  /// Shares of mu and b, 64 bytes for each rank of the roster, its own included.
  func shares(threshold: Int, participants: Int, transcript: Digest) throws(AveragingError) -> [[UInt8]] {
    let key = seed.derive(salt: transcript.bytes, info: derivation("fsa1/seed/shamir"))
    var coefficients = try Primitives.keystream(key: key.bytes, count: 64 * (threshold - 1))
    defer { Primitives.cleanse(&coefficients) }
    var secrets = maskSecret.bytes + selfSecret.bytes
    defer { Primitives.cleanse(&secrets) }
    return ShamirSharing.split(
      secrets, threshold: threshold, points: (0..<participants).map(Self.point),
      coefficients: coefficients)
  }

  /// A rank's place on the polynomials.
  static func point(_ rank: Int) -> UInt8 { UInt8(1 + rank) }

  /// The single-use key and the authenticated data of the shares from one rank to another.
  static func sealing(
    _ product: Secret, from sender: Int, to recipient: Int, transcript: Digest
  ) -> (key: Secret, data: [UInt8]) {
    let info = derivation("fsa1/share", UInt16(sender), UInt16(recipient))
    var data = CanonicalBytes()
    data.append(transcript)
    data.append(UInt16(sender))
    data.append(UInt16(recipient))
    return (product.derive(salt: transcript.bytes, info: info), data.bytes)
  }
}
