import Schemas
import Testing

@testable import Models

@Suite("Rows of text")
struct TextRowsTests {
  static let label = TableSchema.Label(name: "mood", values: ["bad", "good"])
  static let labelled = TextSchema(
    text: ["title", "body"], target: .label(label), fold: "fold", ignore: ["owner"])

  private func rows(_ csv: String, schema: TextSchema = labelled, fold: Int? = 0) throws -> TextRows {
    try TextRows(parsing: Array(csv.utf8), file: "rows.csv", schema: schema, fold: fold)
  }

  @Test("Rows are used, held out or dropped for a reason, with their lines, and columns join by line feeds")
  func report() throws {
    let rows = try rows(
      """
      title,body,mood,fold,owner
      Fine,Really,good,1,x
      ,Awful,bad,1,x
      ,,good,1,x
      Hm,,,1,x
      Hm,,meh,1,x
      Fine,Really,good,1,y
      Fine,Really,bad,0,x

      """)
    #expect(rows.training.map(\.text) == ["Fine\nReally", "Awful", "Fine\nReally"])
    #expect(rows.training.map(\.answer) == [.label(1), .label(0), .label(1)])
    #expect(rows.heldOut.map(\.answer) == [.label(0)])
    let report = rows.report
    #expect(report.rowsRead == 7 && report.rowsUsed == 4)
    #expect(report.dropped.map(\.reason) == [.textMissing, .labelMissing, .labelUnknown])
    #expect(report.dropped.map(\.tally.firstLines) == [[4], [5], [6]])
    #expect(report.classes.map(\.training) == [1, 2] && report.classes.map(\.heldOut) == [1, 0])
    #expect(report.duplicates.withinTraining.firstLines == [7])
    #expect(report.duplicates.heldOutSeenInTraining.firstLines == [8])
  }

  @Test("Scores must be numbers of their range, and answers must be there")
  func otherTargets() throws {
    let scored = TextSchema(text: ["title"], target: .score(.init(name: "rating", range: -4...4)))
    let numbers = try rows("title,rating\na,-4\nb,2.5\nc,4.1\nd,many\ne,\n", schema: scored, fold: nil)
    #expect(numbers.training.map(\.answer) == [.number(-4), .number(2.5)])
    #expect(numbers.report.dropped.map(\.reason) == [.scoreOutOfRange, .scoreMissing])
    #expect(numbers.report.dropped.map(\.tally.count) == [2, 1])
    let answered = TextSchema(text: ["title"], target: .answer("meaning"))
    let texts = try rows("title,meaning\na,\"one, two\"\nb,\n", schema: answered, fold: nil)
    #expect(texts.training.map(\.answer) == [.text("one, two")])
    #expect(texts.report.dropped.map(\.reason) == [.answerMissing])
  }

  @Test("The digest's bytes depend on texts and answers, and on neither order, format nor columns that are not read")
  func bytes() throws {
    let here = try rows("title,body,mood,fold,owner\na,b,good,1,x\nc,,bad,1,x\n")
    let moved = try rows("owner,mood,fold,body,title\ny,bad,1,,c\nz,good,1,b,a\n")
    #expect(here.trainingBytes == moved.trainingBytes)
    #expect(here.heldOutBytes != here.trainingBytes)
    #expect(try rows("title,body,mood,fold,owner\na,b,bad,1,x\nc,,bad,1,x\n").trainingBytes != here.trainingBytes)
    let jsonl =
      #"{"title": "a", "body": "b", "mood": "good", "fold": 1}"# + "\n"
      + #"{"title": "c", "body": null, "mood": "bad", "fold": 1}"# + "\n"
    let same = try TextRows(parsing: Array(jsonl.utf8), file: "rows.jsonl", schema: Self.labelled, fold: 0)
    #expect(same.trainingBytes == here.trainingBytes)
  }

  @Test("Files that do not fit are refused with file, line and column, and never with a text")
  func refused() throws {
    for (csv, message) in [
      ("title,mood,fold\nsecret,good,1\n", "rows.csv:1: column \"body\" of the schema is missing"),
      ("title,body,mood,fold,more\n", "rows.csv:1: column \"more\" is not in the schema"),
      ("title,body,mood,fold\nsecret,b,good,one\n", "rows.csv:2: column \"fold\" needs a whole number of at least 0"),
    ] {
      let error = #expect(throws: ModelError.self) { try rows(csv) }
      #expect(error?.description == message)
    }
    #expect(throws: ModelError.noFoldColumn) {
      try rows("title,meaning\n", schema: TextSchema(text: ["title"], target: .answer("meaning")), fold: 0)
    }
  }
}
