import Foundation
import Federation
import SecureAggregation
import Tensors

/// What sparse updates of one plan left out, to be added to the next one.
///
/// It follows from the node's rows and never leaves: only what the next update takes of it does, clipped together with it.
struct ResidueFile: Codable, Sendable {
  struct Residue: Codable, Sendable {
    /// The round whose update left it out.
    var roundID: UInt64
    /// How many rounds of the run had closed then.
    var roundsClosed: Int
    /// Binary32, little-endian.
    var values: Data
  }

  /// Of an update that is in a model.
  var counted: Residue?
  /// Of an update that the coordinator has taken, in a round that is not over.
  var pending: Residue?

  /// After more rounds away than this, what was left out belongs to another model.
  static let mostRoundsAway = 5
}

extension NodeHome {
  private func residueFile(_ plan: RoundPlan) -> String { "\(stateDirectory)/residue-\(plan.trainer.hex).json" }

  /// What earlier updates left out; empty when nothing is known of it, or it is too old.
  func residue(of plan: RoundPlan) throws -> [Float] {
    guard plan.kind == .update,
      let counted = try readJSON(ResidueFile.self, from: residueFile(plan))?.counted,
      counted.values.count == 4 * Int(plan.dimension),
      let closed = try history(of: plan.run)?.roundsClosed,
      (0...ResidueFile.mostRoundsAway).contains(closed - counted.roundsClosed)
    else { return [] }
    return counted.values.withUnsafeBytes { [Float](littleEndianBytes: $0) }
  }

  /// Remembers what an update that the coordinator took has left out, until its round is over.
  func leaveOut(_ values: [Float], of plan: RoundPlan) throws {
    guard !values.isEmpty else { return }
    var file = try readJSON(ResidueFile.self, from: residueFile(plan)) ?? ResidueFile()
    file.pending = ResidueFile.Residue(
      roundID: plan.roundID, roundsClosed: try history(of: plan.run)?.roundsClosed ?? 0,
      values: Data(values.littleEndianBytes))
    try writeJSON(file, to: residueFile(plan), durably: false)
  }

  /// A round is over: what its update left out counts from now on, or, of a round without a model, never did.
  func endResidue(of plan: RoundPlan, counted: Bool) throws {
    guard var file = try readJSON(ResidueFile.self, from: residueFile(plan)), file.pending?.roundID == plan.roundID
    else { return }
    if counted { file.counted = file.pending }
    file.pending = nil
    try writeJSON(file, to: residueFile(plan), durably: false)
  }
}
