extension CoordinatorRound {
  /// M2: checks the vector and its statement, and keeps the statement.
  ///
  /// Make the payload durable under the statement's digest before recording the event. Refused: a stranger, one that did
  /// not share, a wrong length, too many bytes, spare bits that are not zero, a wrong digest or signature, a second
  /// upload, and a late one, whose pair masks may be known by then: it is dropped and never added.
  @discardableResult
  public mutating func submit(_ upload: MaskedUpload, from name: String) throws(AveragingError) -> RoundEvent? {
    let rank = try memberRank(name, claimed: upload.statement.rank, message: "upload")
    if uploads[rank] == nil {
      guard phase.isAtMost(.collecting) else { throw .lateUpload(from: name) }
      guard let shape, phase == .collecting else { throw outOfPhase("upload") }
      try shape.check(upload.payload, from: name)
    }
    guard MaskedUpload.digest(of: upload.payload) == upload.statement.digest else { throw .wrongDigest(from: name) }
    return try take(upload.statement, from: name)
  }

  /// Takes a statement whose vector was checked before.
  @discardableResult
  public mutating func take(_ statement: UploadStatement, from name: String) throws(AveragingError) -> RoundEvent? {
    let rank = try memberRank(name, claimed: statement.rank, message: "upload")
    if let known = uploads[rank] {
      guard known == statement else { throw .changedMessage(from: name, message: "upload") }
      return nil
    }
    guard phase.isAtMost(.collecting) else { throw .lateUpload(from: name) }
    guard phase == .collecting, let roster, let sharers, let transcript else { throw outOfPhase("upload") }
    guard sharers.contains(rank) else { throw .stranger(name) }
    guard statement.unopened.isSubset(of: sharers), !statement.unopened.contains(rank) else {
      throw .malformed("\(name) reports unopened shares of participants that sent it none")
    }
    guard statement.isSigned(by: roster.adverts[rank].advert.peer.key, transcript: transcript) else {
      throw .badSignature(from: name, on: "upload")
    }
    uploads[rank] = statement
    return .upload(statement)
  }

  /// Those who uploaded, without each one whose shares more than |U1| - t participants could not open: its masks could
  /// not be removed.
  var survivorRanks: [Int] {
    guard let sharers, let thresholds else { return [] }
    let tolerated = sharers.count - thresholds.threshold
    return uploads.keys.sorted().filter { rank in
      uploads.values.count { $0.unopened.contains(rank) } <= tolerated
    }
  }

  /// Fixes U2, the root over its uploads, and h2. Uploads that come later are dropped.
  @discardableResult
  public mutating func freezeSurvivors() throws(AveragingError) -> RoundEvent {
    guard let roster, let sharers, let transcript, let thresholds else { throw outOfPhase("set of survivors") }
    guard phase == .collecting else { throw .alreadyFrozen("set of survivors") }
    let ranks = survivorRanks
    guard ranks.count >= thresholds.minimumSurvivors else {
      throw .tooFewSurvivors(have: ranks.count, need: thresholds.minimumSurvivors)
    }
    let frozen = Bitmap(capacity: roster.count, ranks: ranks)
    let root = MerkleTree.root(leaves(ranks))
    let hash = SurvivorSet(sharers: sharers, survivors: frozen, root: root, inclusionProof: [])
      .hash(transcript: transcript)
    survivors = frozen
    survivorsRoot = root
    survivorsHash = hash
    phase = .confirming
    return .survivorsFrozen(frozen, hash: hash)
  }

  /// S2 for one survivor, with the proof that its upload is under the root; nil for anyone else.
  public func survivorSet(for name: String) -> SurvivorSet? {
    guard let sharers, let survivors, let survivorsRoot, let rank = roster?.rank(of: name) else { return nil }
    let ranks = survivors.ranks
    guard let index = ranks.firstIndex(of: rank) else { return nil }
    return SurvivorSet(
      sharers: sharers, survivors: survivors, root: survivorsRoot,
      inclusionProof: MerkleTree.inclusionProof(leaves(ranks), index: index))
  }

  /// The statement of one participant's upload, which names the bytes to keep.
  public func upload(of name: String) -> UploadStatement? {
    roster?.rank(of: name).flatMap { uploads[$0] }
  }

  /// The statements of the survivors, in rank order.
  public var survivorUploads: [UploadStatement] { (survivors?.ranks ?? []).compactMap { uploads[$0] } }

  private func leaves(_ ranks: [Int]) -> [[UInt8]] { ranks.compactMap { uploads[$0]?.digest.bytes } }
}

extension CoordinatorRound.Phase {
  func isAtMost(_ other: Self) -> Bool {
    Self.allCases.firstIndex(of: self)! <= Self.allCases.firstIndex(of: other)!
  }
}
