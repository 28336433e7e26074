import Foundation
import Schemas
import Tensors
import Testing

@testable import Specialists

@Suite("Specialist")
struct SpecialistTests {
  @Test("An exported file comes back as it was, from a path and from its bytes, which are the same each time")
  func roundTrip() throws {
    let specialist = try Specialist(exporting: .table(Fixture.checkpoint()), lineage: Fixture.lineage)
    let file = try TemporaryFile(named: "s.safetensors")
    try specialist.write(to: file.path)
    #expect(try Specialist(path: file.path) == specialist)
    #expect(try Specialist(decoding: specialist.encoded(), file: "s").encoded() == specialist.encoded())
  }

  @Test("The tensors are the float32 layers, and the metadata holds what the format's page lists")
  func format() throws {
    let specialist = try Specialist(exporting: .table(Fixture.checkpoint()), lineage: Fixture.lineage)
    let file = try Safetensors(decoding: specialist.encoded())
    #expect(file.tensors.map(\.name) == ["layers.0.weight", "layers.0.bias"])
    #expect(file.tensors.map(\.shape) == [[1, 3], [1]])
    // 0.5, −1, 2 in IEEE binary32, little-endian.
    #expect(file.tensors[0].bytes == [0, 0, 0, 0x3F, 0, 0, 0x80, 0xBF, 0, 0, 0, 0x40])
    #expect(
      file.metadata.keys.sorted() == [
        "tributary.columns", "tributary.counts", "tributary.format", "tributary.lineage", "tributary.network",
        "tributary.plan", "tributary.schema", "tributary.standardisation",
      ])
    #expect(file.metadata["tributary.format"] == "table/1")
    #expect(file.metadata["tributary.columns"] == #"{"dropped":["rare"],"kept":["age","sex"]}"#)
    #expect(
      file.metadata["tributary.standardisation"] == #"{"columns":[{"deviation":10,"mean":50,"name":"age"}]}"#)
    let lineage = try #require(file.metadata["tributary.lineage"])
    #expect(
      lineage.hasPrefix(#"{"averaging":"secure","checkpoint":"sha256:cd"#)
        && lineage.contains(#""formalPrivacy":"none""#))
  }

  @Test("Without its lineage the file is the checkpoint, byte for byte")
  func checkpointInside() throws {
    let specialist = try Specialist(exporting: .table(Fixture.checkpoint()), lineage: Fixture.lineage)
    var file = try Safetensors(decoding: specialist.encoded())
    file.metadata["tributary.lineage"] = nil
    #expect(file.encoded() == Fixture.checkpoint().encoded())
    #expect(try Specialist(decoding: file.encoded(), file: "s").lineage == nil)
  }

  @Test("A checkpoint without a model cannot be exported, nor under another plan's lineage")
  func refusedExports() throws {
    let genesis = TableCheckpoint.genesis(planDigest: Fixture.plan, schema: Fixture.schema)
    #expect(throws: SpecialistError.unfinished) { try Specialist(exporting: .table(genesis), lineage: Fixture.lineage) }
    var lineage = Fixture.lineage
    lineage.plan = "sha256:00"
    #expect(
      throws: SpecialistError.badLineage(
        file: "the exported run", reason: "names the plan sha256:00, expected \(Fixture.plan)")
    ) {
      try Specialist(exporting: .table(Fixture.checkpoint()), lineage: lineage)
    }
  }

  @Test("Broken files are refused by name: missing, cut short, another format, a lineage that is none")
  func refusedFiles() throws {
    #expect(throws: SpecialistError.unreadableFile(file: "/none/s.safetensors", reason: "no such file")) {
      try Specialist(path: "/none/s.safetensors")
    }
    let bytes = try Specialist(exporting: .table(Fixture.checkpoint()), lineage: Fixture.lineage).encoded()
    for count in [0, 7, 8, 100, bytes.count - 1] {
      #expect(throws: SpecialistError.self) { try Specialist(decoding: Array(bytes.prefix(count)), file: "s") }
    }
    #expect {
      try Specialist(decoding: Safetensors(metadata: ["format": "pt"]).encoded(), file: "s")
    } throws: { error in
      guard case SpecialistError.notASpecialist(file: "s", _) = error else { return false }
      return true
    }
    let lineage = Fixture.checkpoint().encoded(lineage: ["tributary.lineage": "{}"])
    #expect(throws: SpecialistError.badLineage(file: "s", reason: "does not have the expected members")) {
      try Specialist(decoding: lineage, file: "s")
    }
    let specialist = try Specialist(exporting: .table(Fixture.checkpoint()), lineage: Fixture.lineage)
    #expect {
      try specialist.write(to: "/none/s.safetensors")
    } throws: { error in
      guard case SpecialistError.unwritableFile = error else { return false }
      return true
    }
  }

  @Test("An inspection names the model, its columns and its origin, for people and for programs")
  func inspection() throws {
    let inspection = try Inspection(try Specialist(exporting: .table(Fixture.checkpoint()), lineage: Fixture.lineage))
    guard case .table(let table) = inspection.model else { throw SpecialistError.unfinished }
    #expect(table.features == ["age", "sex=f", "sex=m"])
    #expect(inspection.parameterCount == 4)
    #expect(inspection.tensors.map(\.shape) == [[1, 3], [1]])
    let lines = inspection.description.split(separator: "\n").map(String.init)
    for line in [
      "name            hospitals", "trained         30 rounds, up to 4 participants", "formal privacy  none",
      "model           logistic regression, 3 → 1, 4 parameters", "predicts        sick: no, yes",
      "reads           age, sex", "dropped         rare",
      "  age: 0.0 to 100.0, -1.0 missing, mean 50.0, deviation 10.0", "  sex: f, m",
    ] { #expect(lines.contains(line), "\(line)") }
    let json = try JSONEncoder().encode(inspection)
    #expect(try JSONDecoder().decode(TableInspection.self, from: json) == table)
  }
}
