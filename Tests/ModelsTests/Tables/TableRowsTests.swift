import Foundation
import Models
import Schemas
import Testing

private let schema = TableSchema(
  columns: [
    .init(name: "age", kind: .number(range: 0...100, missing: [])),
    .init(name: "pain", kind: .category(values: ["none", "some"], missing: ["?"])),
    .init(name: "pressure", kind: .number(range: 50...250, missing: [99])),
  ],
  label: .init(name: "sick", values: ["0", "1"]), fold: "fold", ignore: ["id"])

private let header = "id,age,pain,pressure,sick,fold\n"

private func read(_ text: String, file: String = "rows.csv", fold: Int? = nil) throws(ModelError) -> TableRows {
  try TableRows(parsing: Array(text.utf8), file: file, schema: schema, fold: fold)
}

private func failure(_ text: String, file: String = "rows.csv", fold: Int? = nil) -> ModelError? {
  do {
    _ = try read(text, file: file, fold: fold)
    return nil
  } catch { return error }
}

/// A checkpoint with mean 50 and deviation 10 for age, 150 and 20 for pressure; all columns are kept.
private func checkpoint() throws -> TableCheckpoint {
  var checkpoint = try TableCheckpoint.genesis(planDigest: "p", schema: schema)
    .applying(counts: ColumnCounts(present: [9, 9, 9]), minimumContributors: 1)
  checkpoint.standardisation = .init(columns: [
    .init(name: "age", mean: 50, deviation: 10), .init(name: "pressure", mean: 150, deviation: 20),
  ])
  return checkpoint
}

struct TableRowsTests {
  @Test("Rows of the fold are held out, the others train; without a fold all train")
  func folds() throws {
    let text = header + "a,20,none,120,0,0\nb,30,some,130,1,1\nc,40,none,140,1,2\n"
    let all = try read(text)
    #expect(all.report.trainingRows == 3 && all.report.heldOutRows == 0)
    let split = try read(text, fold: 1)
    #expect(split.report.trainingRows == 2 && split.report.heldOutRows == 1)
    #expect(split.report.classes.map(\.training) == [1, 1] && split.report.classes.map(\.heldOut) == [0, 1])
    #expect(try split.examples(.heldOut, checkpoint: checkpoint()).labels == [1])
    #expect(try split.examples(.training, checkpoint: checkpoint()).labels == [0, 1])
  }

  @Test("Values that are missing, out of range, unknown or no number are missing, and told apart in the report")
  func missingValues() throws {
    let rows = try read(
      header + "a,,none,99,0,0\nb,101,many,40,0,0\nc,old,?,1e2,1,0\nd,nan,,0x60,1,0\ne, 50 ,some,inf,1,0\n")
    let columns = rows.report.columns
    #expect(columns.map(\.present) == [1, 2, 1])
    #expect(columns[0].missing.firstLines == [2] && columns[0].outOfRange.firstLines == [3])
    #expect(columns[0].notNumbers.firstLines == [4, 5])
    #expect(columns[1].unknownValues.firstLines == [3] && columns[1].missing.firstLines == [4, 5])
    #expect(columns[2].missing.firstLines == [2] && columns[2].outOfRange.firstLines == [3])
    #expect(columns[2].notNumbers.count == 2)
    #expect(rows.counts().present == [1, 2, 1])
  }

  @Test("A row without a declared label is dropped, with the reason and its line")
  func droppedRows() throws {
    let rows = try read(header + "a,20,none,120,,0\nb,30,none,120,2,0\nc,40,none,120,1,0\nd,40,none,120,9,0\n")
    #expect(rows.report.rowsRead == 4 && rows.report.rowsUsed == 1 && rows.report.rowsDropped == 3)
    #expect(rows.report.dropped.map(\.reason) == [.labelMissing, .labelUnknown])
    #expect(rows.report.dropped.map(\.tally.firstLines) == [[2], [3, 5]])
    #expect(rows.counts().present == [1, 1, 1])
  }

  @Test("Duplicates are counted within training, and held-out rows that training has seen whatever their label")
  func duplicates() throws {
    let rows = try read(
      header
        + "a,20,none,120,0,0\nb,20.0,none,120,0,1\nc,20,none,120,1,2\nd,20,none,120,1,9\ne,21,none,120,1,9\nf,20,none,,0,9\n",
      fold: 9)
    #expect(rows.report.duplicates.withinTraining.firstLines == [3])
    #expect(rows.report.duplicates.heldOutSeenInTraining.firstLines == [5])
  }

  @Test("JSONL rows follow the same rules, with null for a missing value")
  func jsonLines() throws {
    let text = """
      {"id": "a", "age": 20, "pain": "none", "pressure": null, "sick": 0, "fold": 0}

      {"fold": 1, "sick": "1", "pressure": 300, "pain": true, "age": 3.5e1}
      """
    let rows = try read(text, file: "rows.jsonl")
    #expect(rows.report.trainingRows == 2 && rows.report.columns.map(\.present) == [2, 1, 0])
    #expect(
      rows.report.columns[1].unknownValues.firstLines == [3] && rows.report.columns[2].outOfRange.firstLines == [3])
    let same = try read(header + "a,20,none,,0,0\n,35,true,300,1,1\n")
    #expect(rows.trainingBytes == same.trainingBytes)
  }

  @Test("The digest's bytes depend on the values of training rows, not on order, format, or unread columns")
  func trainingBytes() throws {
    let bytes = try read(header + "a,20,none,120,0,0\nb,30,some,,1,1\n").trainingBytes
    #expect(try bytes == read("sick,fold,age,pressure,pain\n1,3,30.0,99,some\n0,2,2e1,120,none\n").trainingBytes)
    #expect(
      try bytes == read(header + "b,30,some,999,1,1\na,20,none,120,0,0\nc,1,none,60,1,7\n", fold: 7).trainingBytes)
    #expect(try bytes != read(header + "a,20,none,120,1,0\nb,30,some,,1,1\n").trainingBytes)
    #expect(try bytes != read(header + "a,20,none,120,0,0\nb,30,none,,1,1\n").trainingBytes)
    #expect(bytes.count == "tributary/rows/1".utf8.count + 4 + 8 + 2 * (3 * 8 + 4))
  }

  @Test("Moments are those of the training rows' present values")
  func moments() throws {
    let rows = try read(header + "a,75,none,50,0,0\nb,25,some,,1,1\nc,75,none,250,1,2\nd,0,none,60,1,9\n", fold: 9)
    let kept = KeptColumns(schema, counts: rows.counts(), minimumContributors: 0)
    // age: u = ½, −½, ½; pressure: u = −1, 1.
    let one = UInt64(1) << 32
    #expect(rows.moments(kept: kept).lanes == [one / 2, 3 * one / 4, 0, 2 * one])
  }

  @Test("Features are standardised numbers, categories one-hot, and missing values zero")
  func examples() throws {
    let rows = try read(header + "a,65,some,,0,0\nb,,?,110,1,1\n")
    let examples = try rows.examples(.training, checkpoint: checkpoint())
    #expect(examples.features == [1.5, 0, 1, 0, 0, 0, 0, -2])
    #expect(examples.labels == [0, 1] && examples.rowCount == 2 && examples.featureCount == 4)
    var other = try checkpoint()
    other.schema.ignore = []
    #expect(throws: ModelError.otherSchema) { try rows.examples(.training, checkpoint: other) }
    other = try checkpoint()
    other.standardisation = nil
    #expect(throws: ModelError.self) { try rows.examples(.training, checkpoint: other) }
  }

  @Test(
    "A file that breaks its format or its columns is refused, with its line and the name",
    arguments: [
      ("", "rows.csv:1: a header with the names of the columns is expected"),
      (header + "a,20,none,120,0\n", "rows.csv:2: 5 fields, but the header has 6"),
      (header + "a,20,none,120,0,0\n\nb,1\n", "rows.csv:4: 2 fields, but the header has 6"),
      ("id,agee,pain,pressure,sick,fold\n", "rows.csv:1: column \"agee\" is not in the schema"),
      ("age,pain,sick,fold\n", "rows.csv:1: column \"pressure\" of the schema is missing"),
      ("age,age,pain,pressure,sick,fold\n", "rows.csv: column \"age\" occurs twice in the header"),
    ])
  func refusedCSV(text: String, message: String) {
    #expect(failure(text)?.description == message)
  }

  @Test("An unknown column's hint is the nearest name that the file lacks")
  func nearestColumn() {
    #expect(
      failure("id,agee,pain,pressure,sick,fold\n")?.hint
        == "did you mean \"age\"? otherwise list it under `schema.ignore`")
    #expect(failure(header.dropLast() + ",Wards\n")?.hint == "list it under `schema.ignore` if nobody should read it")
  }

  @Test(
    "A line of JSONL that is no row is refused with its line",
    arguments: [
      ("[1]", "rows.jsonl:1: a list where an object is expected"),
      ("{\"age\": 1", "rows.jsonl:1: not valid JSON: the text ends too early, at byte 9"),
      (#"{"age": 1}"#, "rows.jsonl:1: column \"pain\" of the schema is missing"),
      (#"{"x": 1}"#, "rows.jsonl:1: column \"x\" is not in the schema"),
      (
        #"{"age": [1], "pain": "", "pressure": 1, "sick": 1, "fold": 0}"#,
        "rows.jsonl:1: column \"age\" holds a list"
      ),
    ])
  func refusedJSONLines(text: String, message: String) {
    #expect(failure(text, file: "rows.jsonl")?.description == message)
  }

  @Test(
    "A fold that is no whole number is refused, but only when a fold is held out",
    arguments: ["", "-1", "1.5", "x", "1e99"])
  func badFold(fold: String) throws {
    let text = header + "a,20,none,120,0,\(fold)\n"
    #expect(failure(text, fold: 0) == .badFold(file: "rows.csv", line: 2, column: "fold"))
    #expect(failure(text) == nil)
  }

  @Test("A fold without a fold column, a missing file, a directory and another file type are refused")
  func refusedFiles() {
    var plain = schema
    plain.fold = nil
    #expect(throws: ModelError.noFoldColumn) { try TableRows(parsing: [], file: "rows.csv", schema: plain, fold: 1) }
    #expect(throws: ModelError.unreadableFile(file: "/nowhere/rows.csv", reason: "no such file")) {
      try TableRows.read("/nowhere/rows.csv", schema: schema, fold: nil)
    }
    #expect(throws: ModelError.unreadableFile(file: "/", reason: "is a directory")) {
      try TableRows.read("/", schema: schema, fold: nil)
    }
    #expect(failure("", file: "rows.xlsx") == .unknownFileType(file: "rows.xlsx"))
  }

  @Test("No error quotes a value of a row")
  func noValues() {
    let secret = "SECRET"
    let texts = [
      header + "\(secret),\(secret)\n", header + "a,20,none,120,0,\(secret)\n", header + "\(secret)\"x\n",
      header + "\"\(secret)\"x\n", header + "\"\(secret)\n", header + "\(secret)\rx\n",
    ]
    for text in texts {
      let error = failure(text, fold: 0)
      #expect(error != nil && !"\(error!) \(error!.hint ?? "")".contains(secret))
    }
    let json = [#"{"age": "\#(secret)"#, #"["\#(secret)"]"#, #"{"age": ["\#(secret)"]}"#]
    for text in json {
      let error = failure(text, file: "rows.jsonl")
      #expect(error != nil && !"\(error!) \(error!.hint ?? "")".contains(secret))
    }
  }

  @Test("A report survives its JSON")
  func reportCoding() throws {
    let report = try read(header + "a,20,none,120,,0\nb,30,some,,1,1\n").report
    #expect(try JSONDecoder().decode(RowReport.self, from: JSONEncoder().encode(report)) == report)
  }
}

struct PredictionRowsTests {
  private func predict(_ text: String) throws(ModelError) -> Examples {
    let ready: TableCheckpoint
    do { ready = try checkpoint() } catch { fatalError("the checkpoint of this test is valid") }
    return try PredictionRows.parse(Array(text.utf8), file: "new.csv", checkpoint: ready)
  }

  @Test("Rows need only the columns of the model; label, fold and ignored ones are not read")
  func reads() throws {
    #expect(try predict("pressure,age,pain\n110,65,some\n,,\n").features == [1.5, 0, 1, -2, 0, 0, 0, 0])
    let labelled = try predict("sick,fold,id,pressure,age,pain\nwhat,ever,x,110,65,some\n")
    #expect(labelled.features == [1.5, 0, 1, -2] && labelled.labels.isEmpty && labelled.rowCount == 1)
  }

  @Test("Columns that the run dropped need not be there")
  func droppedColumns() throws {
    var ready = try TableCheckpoint.genesis(planDigest: "p", schema: schema)
      .applying(counts: ColumnCounts(present: [9, 9, 0]), minimumContributors: 1)
    ready.standardisation = .init(columns: [.init(name: "age", mean: 50, deviation: 10)])
    for text in ["age,pain\n60,none\n", "pressure,age,pain\n9999,60,none\n"] {
      let examples = try PredictionRows.parse(Array(text.utf8), file: "new.csv", checkpoint: ready)
      #expect(examples.features == [1, 1, 0])
    }
  }

  @Test(
    "A row that breaks the schema is refused, with its line and column",
    arguments: [
      ("110,65,none\n110,650,none\n", "new.csv:3: column \"age\": a number outside the schema's range of 0.0 to 100.0"),
      ("110,old,none\n", "new.csv:2: column \"age\": not a number"),
      ("110,65,much\n", "new.csv:2: column \"pain\": not one of the schema's values: none, some"),
      ("110,65\n", "new.csv:2: 2 fields, but the header has 3"),
    ])
  func refuses(rows: String, message: String) {
    #expect { try predict("pressure,age,pain\n" + rows) } throws: { "\($0)" == message }
  }

  @Test("A checkpoint that is not standardised yet predicts nothing")
  func notReady() {
    let genesis = TableCheckpoint.genesis(planDigest: "p", schema: schema)
    #expect(throws: ModelError.self) { try PredictionRows.parse([], file: "new.csv", checkpoint: genesis) }
  }
}
