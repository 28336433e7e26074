import Schemas
import Tensors
import Testing

private let counts = ColumnCounts(present: [40, 40, 8], contributors: [3, 3, 1])

private func standardised() throws -> TableCheckpoint {
  let counted = try TableCheckpoint.genesis(planDigest: "sha256:00", schema: patients)
    .applying(counts: counts, minimumContributors: 3)
  var moments = ColumnMoments(patients, kept: counted.kept!)
  for value in stride(from: 30.0, to: 70, by: 1) { moments.add(value, to: 0) }
  return try counted.applying(moments: moments, hidden: [2], activation: .relu, seed: 1)
}

struct TableCheckpointTests {
  @Test("Each step of a run adds its part, and the bytes decode to the same checkpoint at every step")
  func steps() throws {
    let genesis = TableCheckpoint.genesis(planDigest: "sha256:00", schema: patients)
    #expect(try TableCheckpoint(decoding: genesis.encoded()) == genesis)
    let counted = try genesis.applying(counts: counts, minimumContributors: 3)
    #expect(counted.kept?.kept == ["age", "pain"] && counted.kept?.dropped == ["pressure"])
    #expect(try TableCheckpoint(decoding: counted.encoded()) == counted)
    let ready = try standardised()
    // The values 30, 31, …, 69: mean 49.5, population variance (40² − 1) / 12.
    #expect(abs(ready.standardisation!.columns[0].mean - 49.5) < 1e-7)
    #expect(abs(ready.standardisation!.columns[0].deviation - (1599.0 / 12).squareRoot()) < 1e-6)
    #expect(ready.network == NetworkShape(inputs: 3, hidden: [2], activation: .relu, outputs: 1))
    #expect(try TableCheckpoint(decoding: ready.encoded()) == ready)
    var trained = ready.parameters!
    trained.values[0] = 0.25
    #expect(try ready.replacing(parameters: trained).parameters == trained)
  }

  @Test("Equal checkpoints have equal bytes, and lineage does not change what is read")
  func deterministic() throws {
    #expect(try standardised().encoded() == standardised().encoded())
    let exported = try standardised().encoded(lineage: ["tributary.lineage.run": "r1"])
    #expect(try TableCheckpoint(decoding: exported) == standardised())
    #expect(try Safetensors(decoding: exported).metadata["tributary.lineage.run"] == "r1")
  }

  @Test("Steps out of their order are refused")
  func order() throws {
    let genesis = TableCheckpoint.genesis(planDigest: "p", schema: patients)
    let kept = KeptColumns(patients, counts: counts, minimumContributors: 1)
    let moments = ColumnMoments(patients, kept: kept)
    #expect(throws: SchemaError.self) { try genesis.applying(moments: moments, hidden: [], activation: .relu, seed: 0) }
    #expect(throws: SchemaError.self) { try genesis.replacing(parameters: Parameters(layout: .init([]))) }
    #expect(throws: SchemaError.self) { try standardised().applying(counts: counts, minimumContributors: 1) }
    #expect(throws: SchemaError.self) { try standardised().replacing(parameters: Parameters(layout: .init([]))) }
    #expect(throws: SchemaError.noColumnsLeft(minimumContributors: 4)) {
      try genesis.applying(counts: counts, minimumContributors: 4)
    }
  }

  @Test("A file whose parts do not fit each other is refused")
  func hostile() throws {
    let good = try Safetensors(decoding: standardised().encoded())
    func failure(_ change: (inout Safetensors) -> Void) -> SchemaError? {
      var file = good
      change(&file)
      do {
        _ = try TableCheckpoint(decoding: file.encoded())
        return nil
      } catch { return error }
    }
    typealias Key = TableCheckpoint.MetadataKey
    #expect(failure { _ in } == nil)
    for key in good.metadata.keys { #expect(failure { $0.metadata[key] = nil } != nil, "\(key) is missing") }
    for key in good.metadata.keys where key != Key.plan {
      #expect(failure { $0.metadata[key] = "{}" } != nil, "\(key) is empty")
      #expect(failure { $0.metadata[key] = String(repeating: "[", count: 100_000) } != nil, "\(key) is deep")
    }
    #expect(failure { $0.metadata[Key.columns] = #"{"kept":["age","pain"],"dropped":["age"]}"# } != nil)
    #expect(failure { $0.metadata[Key.columns] = #"{"kept":["pain","age"],"dropped":["pressure"]}"# } != nil)
    #expect(failure { $0.metadata[Key.counts] = #"{"present":[40],"contributors":[3]}"# } != nil)
    let standardisation = #"{"columns":[{"name":"age","mean":1,"deviation":0}]}"#
    #expect(failure { $0.metadata[Key.standardisation] = standardisation } != nil)
    for (hidden, inputs, outputs) in [("[2]", 4, 1), ("[3]", 3, 1), ("[2]", 3, 3), ("[2]", 3, 2), ("[-1]", 3, 1)] {
      let network = #"{"activation":"relu","hidden":\#(hidden),"inputs":\#(inputs),"outputs":\#(outputs)}"#
      #expect(failure { $0.metadata[Key.network] = network } != nil)
    }
    #expect(failure { $0.tensors.removeLast() } != nil)
    #expect(failure { $0.tensors.swapAt(0, 1) } != nil)
    #expect(failure { $0.tensors[0].shape.reverse() } != nil)
    #expect(failure { $0.tensors[0].name = "x" } != nil)
    #expect(failure { $0.tensors[0].bytes.replaceSubrange(0..<4, with: [0, 0, 0xC0, 0x7F]) } != nil)
    #expect(throws: SchemaError.self) { try TableCheckpoint(decoding: []) }
  }
}
