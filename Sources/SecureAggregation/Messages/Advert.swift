/// Who takes part: what a peer's certificate binds together and what nodes pin.
public struct Peer: Hashable, Codable, Sendable {
  public var name: String
  public var organisation: String
  public var key: IdentityKey

  public init(name: String, organisation: String, key: IdentityKey) {
    self.name = name
    self.organisation = organisation
    self.key = key
  }
}

/// M0: a participant's one-round keys, bound to its identity and to one plan.
public struct Advert: Hashable, Codable, Sendable {
  public var peer: Peer
  public var planHash: Digest
  /// c_pk: the X25519 key that shares are encrypted to.
  @Base64 public var shareKey: [UInt8]
  /// s_pk: the X25519 key that pair masks come from; its private half follows from the shared secret mu.
  @Base64 public var maskKey: [UInt8]
  /// cb: H("fsa1/commit-b", planHash || id || b), by which a reconstructed self-mask secret is recognised.
  public var commitment: Digest
  /// 16 bytes, so that no two adverts are alike.
  @Base64 public var nonce: [UInt8]

  public init(
    peer: Peer, planHash: Digest, shareKey: [UInt8], maskKey: [UInt8], commitment: Digest, nonce: [UInt8]
  ) {
    self.peer = peer
    self.planHash = planHash
    self.shareKey = shareKey
    self.maskKey = maskKey
    self.commitment = commitment
    self.nonce = nonce
  }

  /// id, organisation, identity key, planHash, c_pk, s_pk, cb, nonce: what is signed, and a leaf of the roster's tree.
  public var canonicalBytes: [UInt8] {
    var encoding = CanonicalBytes()
    encoding.append(peer.name)
    encoding.append(peer.organisation)
    encoding.append(fixed: peer.key.bytes)
    encoding.append(planHash)
    encoding.append(fixed: shareKey)
    encoding.append(fixed: maskKey)
    encoding.append(commitment)
    encoding.append(fixed: nonce)
    return encoding.bytes
  }

  /// Refuses keys and nonces of another length, and empty or very long names.
  func validate() throws(AveragingError) {
    for (what, bytes, size) in [("share key", shareKey, 32), ("mask key", maskKey, 32), ("nonce", nonce, 16)]
    where bytes.count != size {
      throw .wrongLength(of: "\(what) of \(peer.name)", expected: size, found: bytes.count)
    }
    for text in [peer.name, peer.organisation] where text.isEmpty || text.utf8.count > 255 {
      throw .malformed("a name or organisation has \(text.utf8.count) bytes, expected 1 to 255")
    }
  }
}

/// An advert under its participant's signature.
public struct SignedAdvert: Hashable, Codable, Sendable {
  public var advert: Advert
  @Base64 public var signature: [UInt8]

  public init(advert: Advert, signature: [UInt8]) {
    self.advert = advert
    self.signature = signature
  }

  init(_ advert: Advert, signer: IdentitySigner) throws(AveragingError) {
    self.init(advert: advert, signature: try signer.sign(label: "fsa1/sig/adv", advert.canonicalBytes))
  }

  /// Whether the identity key named in the advert signed it.
  public var isSigned: Bool {
    advert.peer.key.verify(signature, label: "fsa1/sig/adv", advert.canonicalBytes)
  }
}
