/// The signed closes of one run: the last in full, those before it by digest.
public struct CloseChain: Codable, Sendable, Hashable {
  public private(set) var last: SignedRoundClose?
  private var links: [Link] = []

  private struct Link: Codable, Sendable, Hashable {
    var roundID: UInt64
    var digest: Digest
  }

  init() {}

  /// Closes held.
  public var count: Int { links.count }

  mutating func append(_ signed: SignedRoundClose) throws(AveragingError) {
    let close = signed.close
    let digest = Digest(label: "fsa1/close", close.canonicalBytes)
    if let held = links.first(where: { $0.roundID == close.roundID }) {
      guard held.digest == digest else { throw .secondClose(run: close.run, roundID: close.roundID) }
      return
    }
    if let last {
      guard close.roundID > last.close.roundID else {
        throw .staleRound(roundID: close.roundID, lastSeen: last.close.roundID)
      }
      guard close.modelIn == last.close.modelOut else {
        throw .modelNotInChain(run: close.run, expected: last.close.modelOut, found: close.modelIn)
      }
    }
    last = signed
    links.append(Link(roundID: close.roundID, digest: digest))
  }
}
