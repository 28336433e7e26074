/// One encrypted pair of shares, from one participant to another.
public struct SealedShare: Hashable, Codable, Sendable {
  /// The rank at the other end: the recipient in a ``ShareMessage``, the sender in a ``ShareDelivery``.
  public var rank: UInt16
  /// 64 bytes under AES-256-GCM and its 16-byte tag.
  @Base64 public var ciphertext: [UInt8]

  public static let byteCount = 80

  public init(rank: UInt16, ciphertext: [UInt8]) {
    self.rank = rank
    self.ciphertext = ciphertext
  }
}

/// M1: a participant's secrets, split and encrypted to each other member of the roster, in ascending rank.
public struct ShareMessage: Hashable, Codable, Sendable {
  public var rank: UInt16
  public var shares: [SealedShare]

  public init(rank: UInt16, shares: [SealedShare]) {
    self.rank = rank
    self.shares = shares
  }
}

/// S1: who shared (U1), and the shares meant for the recipient, in ascending rank of their senders.
public struct ShareDelivery: Hashable, Codable, Sendable {
  public var sharers: Bitmap
  public var shares: [SealedShare]

  public init(sharers: Bitmap, shares: [SealedShare]) {
    self.sharers = sharers
    self.shares = shares
  }
}

/// What a participant signs about its masked vector: which it is, and whose shares did not open.
public struct UploadStatement: Hashable, Codable, Sendable {
  public var rank: UInt16
  /// H("fsa1/y", y).
  public var digest: Digest
  /// Members of U1 whose M1 to this participant did not decrypt.
  public var unopened: Bitmap
  @Base64 public var signature: [UInt8]

  public init(rank: UInt16, digest: Digest, unopened: Bitmap, signature: [UInt8]) {
    self.rank = rank
    self.digest = digest
    self.unopened = unopened
    self.signature = signature
  }

  /// T, rank, digest and bitmap: the message under "fsa1/sig/y".
  static func signedBytes(transcript: Digest, rank: UInt16, digest: Digest, unopened: Bitmap) -> [UInt8] {
    var encoding = CanonicalBytes()
    encoding.append(transcript)
    encoding.append(rank)
    encoding.append(digest)
    encoding.append(fixed: unopened.bytes)
    return encoding.bytes
  }

  func isSigned(by key: IdentityKey, transcript: Digest) -> Bool {
    let message = Self.signedBytes(transcript: transcript, rank: rank, digest: digest, unopened: unopened)
    return key.verify(signature, label: "fsa1/sig/y", message)
  }
}

/// M2: the masked vector with its statement.
public struct MaskedUpload: Hashable, Codable, Sendable {
  public var statement: UploadStatement
  /// y: the packed vector, then the tail, then statistic lanes, of exactly ``VectorShape/byteCount`` bytes.
  @Base64 public var payload: [UInt8]

  public init(statement: UploadStatement, payload: [UInt8]) {
    self.statement = statement
    self.payload = payload
  }

  /// H("fsa1/y", y).
  public static func digest(of payload: [UInt8]) -> Digest { Digest(label: "fsa1/y", payload) }
}

/// S2: the frozen sets, the root over the uploads that will be added, and the recipient's proof that its own is among them.
public struct SurvivorSet: Hashable, Codable, Sendable {
  public var sharers: Bitmap
  public var survivors: Bitmap
  public var root: Digest
  public var inclusionProof: [Digest]

  public init(sharers: Bitmap, survivors: Bitmap, root: Digest, inclusionProof: [Digest]) {
    self.sharers = sharers
    self.survivors = survivors
    self.root = root
    self.inclusionProof = inclusionProof
  }

  /// h2: H("fsa1/U2", T || U1 || U2 || root).
  public func hash(transcript: Digest) -> Digest {
    Digest(label: "fsa1/U2", transcript.bytes + sharers.bytes + survivors.bytes + root.bytes)
  }
}

/// M3: one survivor's signature over h2.
public struct Confirmation: Hashable, Codable, Sendable {
  public var rank: UInt16
  @Base64 public var signature: [UInt8]

  public init(rank: UInt16, signature: [UInt8]) {
    self.rank = rank
    self.signature = signature
  }

  func isSigned(by key: IdentityKey, over hash: Digest) -> Bool {
    key.verify(signature, label: "fsa1/sig/h2", hash.bytes)
  }
}

/// S3: the confirmations, by which each survivor knows that enough others saw the same set.
public struct Quorum: Hashable, Codable, Sendable {
  public var survivorsHash: Digest
  public var confirmations: [Confirmation]

  public init(survivorsHash: Digest, confirmations: [Confirmation]) {
    self.survivorsHash = survivorsHash
    self.confirmations = confirmations
  }
}

/// One share that a survivor reveals: of the self-mask secret b of a survivor, or of the mask-key secret mu of a
/// participant that was lost, and never of both.
public struct RevealedShare: Hashable, Codable, Sendable {
  public var rank: UInt16
  /// 1: of b. 0: of mu.
  public var ofSelfMask: Bool
  /// 32 bytes.
  @Base64 public var share: [UInt8]

  public init(rank: UInt16, ofSelfMask: Bool, share: [UInt8]) {
    self.rank = rank
    self.ofSelfMask = ofSelfMask
    self.share = share
  }
}

/// M4: what one survivor reveals, for U1 without those whose shares it could not open, in ascending rank.
public struct UnmaskAnswer: Hashable, Codable, Sendable {
  public var rank: UInt16
  public var entries: [RevealedShare]

  public init(rank: UInt16, entries: [RevealedShare]) {
    self.rank = rank
    self.entries = entries
  }
}
