/// The end of one run's chain of signed closes: all that a node needs of them, in constant space.
public struct CloseChain: Codable, Sendable, Hashable {
  /// The newest close.
  public private(set) var last: SignedRoundClose
  /// The newest close whose sum was opened: what the grid of the run's next update follows from.
  public private(set) var lastOpened: RoundClose?
  /// How many closes were taken in.
  public private(set) var count: Int
  /// H("fsa1/closes", the same of the closes before ‖ the close's hash), from zero: names all of them at once.
  public private(set) var hash: Digest

  /// Begins a chain; a node that joins a run late takes the first close that it sees.
  init(_ first: SignedRoundClose) {
    last = first
    count = 1
    hash = Self.link(.zero, first.close)
    if first.close.outcome != .abandoned { lastOpened = first.close }
  }

  /// Adds the next close. One that is not newer than the last changes nothing, but two different ones of the last round
  /// are an attack. Of older rounds only what followed from them is kept.
  mutating func append(_ signed: SignedRoundClose) throws(AveragingError) {
    let close = signed.close
    guard close.roundID > last.close.roundID else {
      guard close.roundID < last.close.roundID || close == last.close else {
        throw .secondClose(run: close.run, roundID: close.roundID)
      }
      return
    }
    guard close.modelIn == last.close.modelOut else {
      throw .modelNotInChain(run: close.run, expected: last.close.modelOut, found: close.modelIn)
    }
    last = signed
    if close.outcome != .abandoned { lastOpened = close }
    count += 1
    hash = Self.link(hash, close)
  }

  private static func link(_ before: Digest, _ close: RoundClose) -> Digest {
    Digest(label: "fsa1/closes", before.bytes + close.hash.bytes)
  }
}
