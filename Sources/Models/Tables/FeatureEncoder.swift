import Schemas

/// Turns a row's values into features: x → (x − mean) / deviation, a category → one 1 among zeros, missing → 0.
///
/// The arithmetic is binary64 and rounds once, to the binary32 that the model reads.
struct FeatureEncoder {
  private enum Step {
    case number(column: Int, mean: Double, deviation: Double)
    case category(column: Int, values: Int)
  }

  private let steps: [Step]
  let featureCount: Int

  init(_ checkpoint: TableCheckpoint) throws(ModelError) {
    guard let kept = checkpoint.kept, let standardisation = checkpoint.standardisation else {
      throw .schema(.outOfOrder("the checkpoint has no standardisation yet"))
    }
    var numbers = standardisation.columns[...]
    var steps: [Step] = []
    for (index, column) in kept.columns(of: checkpoint.schema) {
      switch column.kind {
      case .category(let values, _): steps.append(.category(column: index, values: values.count))
      case .number:
        guard let scale = numbers.popFirst(), scale.name == column.name else {
          throw .schema(.badCheckpoint("the standardisation is not that of the kept number columns"))
        }
        steps.append(.number(column: index, mean: scale.mean, deviation: scale.deviation))
      }
    }
    self.steps = steps
    featureCount = FeatureLayout(checkpoint.schema, kept: kept).count
  }

  /// - Parameter row: One value per column of the schema, as `ParsedRows` keeps it.
  func append(_ row: ArraySlice<Double>, to features: inout [Float]) {
    for step in steps {
      switch step {
      case .number(let column, let mean, let deviation):
        let value = row[row.startIndex + column]
        features.append(value.isNaN ? 0 : Float((value - mean) / deviation))
      case .category(let column, let count):
        let value = row[row.startIndex + column]
        for index in 0..<count { features.append(value == Double(index) ? 1 : 0) }
      }
    }
  }
}
