/// Rows as a model sees them: features after standardising and one-hot encoding, and the class of each row.
public struct Examples: Sendable, Equatable {
  /// `[rowCount, featureCount]`, row-major.
  public var features: [Float]
  /// `[rowCount]`; empty when the rows are to be predicted.
  public var labels: [Int32]
  public var rowCount: Int
  public var featureCount: Int

  public init(features: [Float], labels: [Int32], rowCount: Int, featureCount: Int) {
    precondition(features.count == rowCount * featureCount, "features are [rowCount, featureCount]")
    precondition(labels.isEmpty || labels.count == rowCount, "there is one label per row, or none at all")
    self.features = features
    self.labels = labels
    self.rowCount = rowCount
    self.featureCount = featureCount
  }
}
