import Schemas

extension TableRows {
  /// How many values each column has in the training rows: this participant's share of the first statistics.
  public func counts() -> ColumnCounts {
    var present = [UInt64](repeating: 0, count: schema.columns.count)
    for row in 0..<training.rowCount {
      for (column, value) in training[row].enumerated() where !value.isNaN { present[column] += 1 }
    }
    return ColumnCounts(present: present)
  }

  /// The sums over the training rows of the kept number columns: this participant's share of the second statistics.
  public func moments(kept: KeptColumns) -> ColumnMoments {
    var moments = ColumnMoments(schema, kept: kept)
    let places = kept.numbers(of: schema).map(\.index)
    for row in 0..<training.rowCount {
      let values = training[row]
      for (position, column) in places.enumerated() where !values[values.startIndex + column].isNaN {
        moments.add(values[values.startIndex + column], to: position)
      }
    }
    return moments
  }

  /// Those rows as the checkpoint's model sees them.
  ///
  /// - Throws: `.otherSchema` when the checkpoint has another schema; `.schema(.outOfOrder)` when it is not standardised yet.
  public func examples(_ part: RowPart, checkpoint: TableCheckpoint) throws(ModelError) -> Examples {
    guard checkpoint.schema == schema else { throw .otherSchema }
    let encoder = try FeatureEncoder(checkpoint)
    let rows = part == .training ? training : heldOut
    var features: [Float] = []
    features.reserveCapacity(rows.rowCount * encoder.featureCount)
    for row in 0..<rows.rowCount { encoder.append(rows[row], to: &features) }
    return Examples(
      features: features, labels: rows.labels, rowCount: rows.rowCount, featureCount: encoder.featureCount)
  }
}
