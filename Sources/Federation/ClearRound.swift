public import SecureAggregation
import Schemas
import Updates

/// A round without masks after its roster is frozen: uploads come, and their sum is the coordinator's to take.
///
///     gathering ──roster──▶ collecting ──everyone, or enough at the phase's end──▶ closed
///
/// Adverts and roster are those of the averaging protocol. An upload is read when it comes, so that garbage is refused to
/// its sender's face; the sum is one of integers, in which the order of arrival changes nothing.
struct ClearRound: Sendable, Equatable {
  let format: ClearUpdate.Format
  let measures: Measures
  private(set) var statements: [Int: UploadStatement] = [:]

  init(format: ClearUpdate.Format, measures: Measures) {
    self.format = format
    self.measures = measures
  }

  /// Whether a statement is new; one that was taken before changes nothing.
  mutating func take(
    _ statement: UploadStatement, from name: String, averaging: CoordinatorRound
  ) throws(AveragingError) -> Bool {
    guard let roster = averaging.roster, let transcript = averaging.transcript else {
      throw .outOfPhase(message: "upload", phase: averaging.phase.rawValue)
    }
    guard let rank = roster.rank(of: name) else { throw .stranger(name) }
    guard rank == Int(statement.rank) else { throw .notTheCaller(claimed: "rank \(statement.rank)", caller: name) }
    if let known = statements[rank] {
      guard known == statement else { throw .changedMessage(from: name, message: "upload") }
      return false
    }
    guard statement.unopened == Bitmap(capacity: roster.count),
      statement.isSignedClear(by: roster.peers[rank].key, transcript: transcript)
    else {
      throw .badSignature(from: name, on: "upload")
    }
    statements[rank] = statement
    return true
  }

  /// Refuses bytes that are not what the statement names, or that say nothing of this round.
  func check(_ upload: MaskedUpload, from name: String, codec: RoundCodec) throws(AveragingError) {
    guard MaskedUpload.digest(of: upload.payload) == upload.statement.digest else { throw .wrongDigest(from: name) }
    do { _ = try codec.read(upload.payload, measures: measures) } catch {
      throw .malformed("upload of \(name): \(error)")
    }
  }

  /// The sum of everyone's uploads.
  ///
  /// - Parameter bytes: Reads an upload; called for one at a time.
  func sum(
    _ averaging: CoordinatorRound, codec: RoundCodec, _ bytes: (UploadStatement) throws -> [UInt8]
  ) throws -> RoundSum {
    guard let roster = averaging.roster else {
      throw AveragingError.outOfPhase(message: "sum", phase: averaging.phase.rawValue)
    }
    let shape = codec.shape
    var sum = RoundSum(
      vector: [UInt32](repeating: 0, count: shape.count), tail: [UInt32](repeating: 0, count: shape.tailLanes),
      statistics: [UInt64](repeating: 0, count: shape.statisticLanes), survivors: [])
    for (rank, statement) in statements.sorted(by: { $0.key < $1.key }) {
      let payload = try bytes(statement)
      guard MaskedUpload.digest(of: payload) == statement.digest else {
        throw AveragingError.wrongDigest(from: roster.name(rank))
      }
      let part = try codec.read(payload, measures: measures)
      for k in sum.tail.indices { sum.tail[k] &+= part.tail[k] }
      for k in sum.statistics.indices { sum.statistics[k] &+= part.statistics[k] }
      if let update = part.update, let grid = codec.grid {
        ClearUpdate.add(update.values, factor: update.factor, to: &sum.vector, grid: grid)
      }
      sum.survivors.append(roster.peers[rank])
    }
    return sum
  }

  /// Names everyone whose upload is in the sum, and each upload.
  func hash(_ averaging: CoordinatorRound) -> Digest {
    let uploads = statements.sorted { $0.key < $1.key }.map(\.value)
    return Digest(
      label: "tributary/clear-sum",
      (averaging.transcript ?? .zero).bytes
        + uploads.flatMap { [UInt8($0.rank & 0xFF), UInt8($0.rank >> 8)] + $0.digest.bytes })
  }
}

extension UploadStatement {
  private static let clearLabel = "tributary/sig/clear"

  /// Signs an upload without masks: T, rank and digest, under a label of its own.
  public init(
    clear payload: [UInt8], rank: Int, rosterCount: Int, transcript: Digest, signer: IdentitySigner
  ) throws(AveragingError) {
    let digest = MaskedUpload.digest(of: payload)
    self.init(
      rank: UInt16(rank), digest: digest, unopened: Bitmap(capacity: rosterCount),
      signature: try signer.sign(
        label: Self.clearLabel, Self.clearBytes(transcript: transcript, rank: UInt16(rank), digest: digest)))
  }

  func isSignedClear(by key: IdentityKey, transcript: Digest) -> Bool {
    key.verify(
      signature, label: Self.clearLabel, Self.clearBytes(transcript: transcript, rank: rank, digest: digest))
  }

  private static func clearBytes(transcript: Digest, rank: UInt16, digest: Digest) -> [UInt8] {
    transcript.bytes + [UInt8(rank & 0xFF), UInt8(rank >> 8)] + digest.bytes
  }
}
