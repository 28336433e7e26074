import Federation
import Models
import Schemas
import SecureAggregation
import Tensors

/// A node's own rows as the family of a plan reads them, and what the family makes of them in a round: the private
/// counterpart of `ModelFamily`, which sees no row.
///
/// Everything here is a function of rows and checkpoint alone, so that the same rows and model give the same numbers
/// however often they are asked for.
protocol FamilyRows: Sendable {
  /// What became of the rows; for the owner's own eyes.
  var report: RowReport { get }

  /// The rows that train, and those held out, as bytes: neither their order nor their format makes a difference.
  var trainingBytes: [UInt8] { get }
  var heldOutBytes: [UInt8] { get }

  /// This node's share of a round of statistics.
  func statistics(_ kind: RoundKind, of checkpoint: Checkpoint) throws -> [UInt64]

  /// What statistics are counted over, without what is not read of it.
  func statisticsSubject() throws -> [UInt8]

  /// The checkpoint's parameters after the recipe's passes over the training rows.
  ///
  /// - Parameters:
  ///   - seed: Decides the order of batches, and what drops out.
  ///   - privately: With it, the recipe's steps are those of DP-SGD.
  func train(
    _ checkpoint: Checkpoint, recipe: TrainingRecipe, seed: [UInt8], privately: PrivateTraining?,
    progress: @escaping @Sendable (WorkProgress) -> Void
  ) throws -> Parameters

  /// The checkpoint's measures on those rows.
  func measure(_ checkpoint: Checkpoint, on part: RowPart) throws -> MetricLanes

  /// What training alone, without a cohort, starts from.
  func ownStart(of plan: RunPlan) throws -> Checkpoint

  /// Bytes that training takes, before any is taken; nil where that is no matter.
  func trainingMemory(of recipe: TrainingRecipe) throws -> Int?

  /// Tokens a second of a few training steps, done now and thrown away; nil where that is no matter.
  func trialSpeed(of recipe: TrainingRecipe, from checkpoint: Checkpoint) throws -> Double?

  /// Whether a node trains a model of its own after a run, to compare with: too much work for some families.
  var comparesLocally: Bool { get }
}

/// How far a training is, as `status` shows it.
struct WorkProgress: Sendable, Hashable {
  var fraction: Double
  var tokensPerSecond: Double?
  var secondsLeft: Double?
}

extension FamilyRows {
  /// Without formal privacy: for what stays on the node, or for a plan that has none.
  func train(
    _ checkpoint: Checkpoint, recipe: TrainingRecipe, seed: [UInt8],
    progress: @escaping @Sendable (WorkProgress) -> Void
  ) throws -> Parameters {
    try train(checkpoint, recipe: recipe, seed: seed, privately: nil, progress: progress)
  }

  /// The rows that measures are taken on: held-out rows, or the training rows when none are held out.
  var measuredPart: RowPart { report.heldOutRows > 0 ? .heldOut : .training }
}
