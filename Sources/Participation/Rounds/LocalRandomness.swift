import SecureAggregation

/// The node's own randomness for one plan and one model: the same model and rows give the same update, byte for byte, and
/// nobody without the node's secret can foretell a coin.
///
/// Coins are AES-256-CTR under HKDF(node secret, "fsa1/local" ‖ trainer ‖ modelIn). The order of batches has a label of its
/// own, so that no byte serves twice.
struct LocalRandomness: Sendable {
  let nodeSecret: Secret
  let trainer: Digest
  let modelIn: Digest

  private var context: [UInt8] { trainer.bytes + modelIn.bytes }

  /// For rounding: four bytes a coordinate.
  func coins(count: Int) throws(AveragingError) -> [UInt8] {
    try Primitives.stream(count, key: nodeSecret.bytes, label: "fsa1/local", context: context)
  }

  /// Seeds the order in which batches take rows.
  func batchOrder() throws(AveragingError) -> [UInt8] {
    try Primitives.stream(32, key: nodeSecret.bytes, label: "tributary/batch-order", context: context)
  }
}
