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
    guard let round else { throw .noRound(run: run) }
    guard round.roundID == roundID else { throw .otherRound(open: round.roundID, found: roundID) }
    do { return try round.receive(message, from: sender) } catch { throw .averaging(error) }
  }
}

extension RoundMachine {
  /// The event that a message becomes, nil for a repetition; the round itself is unchanged.
  func receive(_ message: RoundMessage, from sender: Peer) throws(AveragingError) -> RunEvent? {
    var next = averaging
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
