public import SecureAggregation

/// A participant's message of the averaging protocol.
public enum RoundMessage: Sendable, Hashable {
  case advert(SignedAdvert)
  case shares(ShareMessage)
  /// `blob` is the plain SHA-256 of the payload, under which it is stored before the event is recorded.
  case upload(MaskedUpload, blob: Digest)
  case confirmation(Confirmation)
  case answer(UnmaskAnswer)
}

extension RunMachine {
  /// The event that a message becomes; nil when the very same message was taken before, which changes nothing.
  ///
  /// - Parameters:
  ///   - roundID: The round that the sender means.
  ///   - sender: From the caller's certificate.
  /// - Throws: What was wrong with the message. The round goes on and the model is unchanged.
  public func receive(
    _ message: RoundMessage, round roundID: UInt64, from sender: Peer
  ) throws(FederationError) -> RunEvent? {
    let round = try round(meant: roundID)
    do { return try round.receive(message, from: sender) } catch { throw .averaging(error) }
  }

  /// The event that an upload becomes whose payload was checked before, by `receive` on a copy of this run.
  public func receive(
    checked statement: UploadStatement, blob: Digest, byteCount: Int, round roundID: UInt64, from sender: Peer
  ) throws(FederationError) -> RunEvent? {
    let round = try round(meant: roundID)
    do {
      guard try round.takes(statement, from: sender.name) else { return nil }
    } catch {
      throw .averaging(error)
    }
    return .uploaded(statement, blob: blob, byteCount: byteCount)
  }

  /// The round in work, which must be the one that a sender means.
  private func round(meant roundID: UInt64) throws(FederationError) -> RoundMachine {
    guard let round else { throw .noRound(run: run) }
    guard round.roundID == roundID else { throw .otherRound(open: round.roundID, found: roundID) }
    return round
  }
}

extension RoundMachine {
  /// Whether a statement is new; one that was taken before changes nothing.
  func takes(_ statement: UploadStatement, from name: String) throws(AveragingError) -> Bool {
    if var clear { return try clear.take(statement, from: name, averaging: averaging) }
    var next = averaging
    return try next.take(statement, from: name) != nil
  }

  /// The event that a message becomes, nil for a repetition; the round itself is unchanged.
  func receive(_ message: RoundMessage, from sender: Peer) throws(AveragingError) -> RunEvent? {
    var next = averaging
    if clear != nil {
      switch message {
      case .advert: break
      case .upload(let upload, let blob):
        guard let codec else { throw .outOfPhase(message: "upload", phase: phase.rawValue) }
        try clear?.check(upload, from: sender.name, codec: codec)
        guard try takes(upload.statement, from: sender.name) else { return nil }
        return .uploaded(upload.statement, blob: blob, byteCount: upload.payload.count)
      case .shares, .confirmation, .answer:
        throw .outOfPhase(message: "message about masks", phase: phase.rawValue)
      }
    }
    switch message {
    case .advert(let advert):
      if let required = opening.requiredRoster, !required.contains(sender.name) { throw .stranger(sender.name) }
      return try next.submit(advert, from: sender).map(RunEvent.round)
    case .shares(let message): return try next.submit(message, from: sender.name).map(RunEvent.round)
    case .upload(let upload, let blob):
      guard try next.submit(upload, from: sender.name) != nil else { return nil }
      return .uploaded(upload.statement, blob: blob, byteCount: upload.payload.count)
    case .confirmation(let message): return try next.submit(message, from: sender.name).map(RunEvent.round)
    case .answer(let message): return try next.submit(message, from: sender.name).map(RunEvent.round)
    }
  }
}
