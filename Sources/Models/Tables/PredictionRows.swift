import Schemas

/// Rows to predict, read strictly: whoever asks a model is told where a row breaks the schema instead of getting an answer.
///
/// Missing values are allowed, as in training. Columns that the model does not use, the label and the fold among them,
/// may be there and are not read.
public enum PredictionRows {
  /// Reads a `.csv` or `.jsonl` file; the examples have no labels and the order of the file.
  public static func read(_ path: String, checkpoint: TableCheckpoint) throws(ModelError) -> Examples {
    try examples(TableReader(path: path, columns: try columns(checkpoint)), checkpoint)
  }

  /// Reads the content of a file; `file` is its name for errors, and its extension the format.
  public static func parse(
    _ bytes: [UInt8], file: String, checkpoint: TableCheckpoint
  ) throws(ModelError) -> Examples {
    try examples(TableReader(bytes, file: file, columns: try columns(checkpoint)), checkpoint)
  }

  private static func columns(_ checkpoint: TableCheckpoint) throws(ModelError) -> TableReader.Columns {
    guard let kept = checkpoint.kept else {
      throw .schema(.outOfOrder("the checkpoint does not say yet which columns are used"))
    }
    let schema = checkpoint.schema
    return TableReader.Columns(
      wanted: kept.kept,
      ignored: Set(kept.dropped + schema.ignore + [schema.label.name] + (schema.fold.map { [$0] } ?? [])))
  }

  private static func examples(
    _ reader: TableReader, _ checkpoint: TableCheckpoint
  ) throws(ModelError) -> Examples {
    var reader = reader
    let encoder = try FeatureEncoder(checkpoint)
    let schema = checkpoint.schema
    let places = checkpoint.kept!.columns(of: schema).map(\.index)
    let parser = CellParser(schema.columns)
    var features: [Float] = []
    var rowCount = 0
    var values = [Double](repeating: .nan, count: schema.columns.count)
    while let row = try reader.next() {
      for (cell, column) in zip(row.cells, places) {
        let value = parser.parse(cell, column: column)
        if let problem = problem(value, schema.columns[column]) {
          throw .rowBreaksSchema(
            file: reader.file, line: row.line, column: schema.columns[column].name, problem: problem)
        }
        values[column] = value.stored
      }
      encoder.append(values[...], to: &features)
      rowCount += 1
    }
    return Examples(features: features, labels: [], rowCount: rowCount, featureCount: encoder.featureCount)
  }

  private static func problem(_ value: CellParser.Value, _ column: TableSchema.Column) -> String? {
    switch (value, column.kind) {
    case (.outOfRange, .number(let range, _)):
      "a number outside the schema's range of \(range.lowerBound) to \(range.upperBound)"
    case (.notNumber, _): "not a number"
    case (.unknownValue, .category(let values, _)):
      "not one of the schema's values: \(values.prefix(20).joined(separator: ", "))"
    default: nil
    }
  }
}
