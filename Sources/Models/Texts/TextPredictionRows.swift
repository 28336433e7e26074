public import Schemas

/// Texts to predict: a file's rows by the schema's text columns. What the model is to answer, the fold and ignored columns
/// may be there and are not read.
public enum TextPredictionRows {
  /// Reads a `.csv` or `.jsonl` file, in its order. An empty text is refused with its line: there is nothing to answer.
  public static func read(_ path: String, schema: TextSchema) throws(ModelError) -> [String] {
    var reader = try TableReader(
      path: path,
      columns: .init(
        wanted: schema.text,
        ignored: Set(schema.ignore + [schema.target.column] + (schema.fold.map { [$0] } ?? []))))
    var texts: [String] = []
    while let row = try reader.next() {
      let text = TextRow.joined(row.cells)
      guard !text.isEmpty else {
        throw .rowBreaksSchema(file: reader.file, line: row.line, column: schema.text[0], problem: "no text")
      }
      texts.append(text)
    }
    return texts
  }
}
