import Tensors
import Testing

/// What the gguf package's `GGUFWriter` makes of a value of every type and two tensors, t = [[0, 1, 2], [3, 4, 5]] in F32
/// and h = [1.5] in F16.
private let reference = bytes(
  """
    474755460300000002000000000000000f00000000000000140000000000000067656e6572616c2e61726368697465637475
    72650800000005000000000000006c6c616d610400000000000000612e753800000000c80400000000000000612e69380100
    0000fd0500000000000000612e7531360200000060ea0500000000000000612e69313603000000d4fe050000000000000061
    2e75333204000000000000800500000000000000612e69333205000000fbffffff0500000000000000612e66333206000000
    cdcccc3d0600000000000000612e626f6f6c07000000010600000000000000612e74657874080000000200000000000000c3
    a90500000000000000612e7536340a00000000000000000000800500000000000000612e6936340b00000000000000000000
    c00500000000000000612e6636340c0000009a9999999999b93f0700000000000000612e776f726473090000000800000003
    0000000000000001000000000000007800000000000000000200000000000000797a0900000000000000612e6e756d626572
    730900000005000000020000000000000001000000feffffff01000000000000007402000000030000000000000002000000
    0000000000000000000000000000000001000000000000006801000000010000000000000001000000200000000000000000
    000000000000000000000000000000000000803f0000004000004040000080400000a0400000000000000000003e00000000
    0000000000000000000000000000000000000000000000000000
  """)

private let metadata: [(key: String, value: GGUF.Value)] = [
  ("general.architecture", .string("llama")), ("a.u8", .uint8(200)), ("a.i8", .int8(-3)), ("a.u16", .uint16(60000)),
  ("a.i16", .int16(-300)), ("a.u32", .uint32(1 << 31)), ("a.i32", .int32(-5)), ("a.f32", .float32(0.1)),
  ("a.bool", .bool(true)), ("a.text", .string("é")), ("a.u64", .uint64(1 << 63)), ("a.i64", .int64(-(1 << 62))),
  ("a.f64", .float64(0.1)), ("a.words", .array(.string, [.string("x"), .string(""), .string("yz")])),
  ("a.numbers", .array(.int32, [.int32(1), .int32(-2)])),
]

private let tensors: [GGUF.Tensor] = [
  .init(
    name: "t", type: .f32, shape: [2, 3], bytes: bytes("00000000 0000803f 00000040 00004040 00008040 0000a040")),
  .init(name: "h", type: .f16, shape: [1], bytes: bytes("003e")),
]

private func read(_ content: [UInt8]) throws(TensorError) -> GGUFFile {
  try GGUFFile(ReadOnlyFile(bytes: content, path: "x"))
}

private func failure(_ content: [UInt8]) -> TensorError? {
  do {
    _ = try read(content)
    return nil
  } catch { return error }
}

/// A file put together by hand, for contents that no writer makes.
private struct Raw {
  var bytes: [UInt8] = []

  init(version: UInt32 = 3, tensors: UInt64 = 0, values: UInt64 = 0) {
    bytes += "GGUF".utf8
    add(version)
    add(tensors)
    add(values)
  }

  mutating func add(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(_ text: String) {
    add(UInt64(text.utf8.count))
    bytes += text.utf8
  }

  /// A file with one value of the key `k`.
  static func value(_ type: UInt32, _ build: (inout Raw) -> Void) -> [UInt8] {
    var raw = Raw(values: 1)
    raw.add("k")
    raw.add(type)
    build(&raw)
    return raw.bytes
  }

  /// A file with these tensors, whose data begin at byte 96 · count rounded up, and `dataCount` bytes of data.
  static func tensors(
    _ tensors: [(name: String, extents: [UInt64], type: UInt32, offset: UInt64)], dataCount: Int
  ) -> [UInt8] {
    var raw = Raw(tensors: UInt64(tensors.count))
    for tensor in tensors {
      raw.add(tensor.name)
      raw.add(UInt32(tensor.extents.count))
      for extent in tensor.extents { raw.add(extent) }
      raw.add(tensor.type)
      raw.add(tensor.offset)
    }
    raw.bytes += [UInt8](repeating: 0, count: -raw.bytes.count & 31)
    return raw.bytes + [UInt8](repeating: 0, count: dataCount)
  }
}

struct GGUFTests {
  @Test("A file of the gguf package is read: every type of value, shapes slowest first, tensors")
  func readsReference() throws {
    let file = try read(reference)
    #expect(file.version == 3)
    #expect(file.metadata == Dictionary(uniqueKeysWithValues: metadata.map { ($0.key, $0.value) }))
    #expect(file.names == ["t", "h"])
    let t = try #require(file.tensor("t"))
    #expect(t.shape == [2, 3])
    #expect(t.rowByteCount == 12)
    #expect(try file.floats(t) == [0, 1, 2, 3, 4, 5])
    #expect(try file.bytes(t) == tensors[0].bytes)
    #expect(try file.floats(#require(file.tensor("h"))) == [1.5])
    #expect(file.tensor("other") == nil)
  }

  @Test("A file is written as the gguf package writes it")
  func writesReference() {
    #expect(GGUF.encoded(metadata: metadata, tensors: tensors) == reference)
  }

  @Test("Values convert to what they are and to nothing else")
  func values() {
    #expect(GGUF.Value.uint64(1 << 63).integer == nil)
    #expect(GGUF.Value.int8(-3).integer == -3)
    #expect(GGUF.Value.float32(1).integer == nil)
    #expect(GGUF.Value.float32(0.5).number == 0.5)
    #expect(GGUF.Value.uint8(3).number == 3)
    #expect(GGUF.Value.string("3").number == nil)
    #expect(GGUF.Value.bool(true).bool == true)
    #expect(GGUF.Value.uint8(1).bool == nil)
    #expect(GGUF.Value.array(.string, [.string("a")]).strings == ["a"])
    #expect(GGUF.Value.array(.int32, [.int32(1)]).strings == nil)
    #expect(GGUF.Value.array(.int32, [.int32(1)]).integers == [1])
    #expect(GGUF.Value.array(.string, [.string("a")]).integers == nil)
  }

  @Test("Version 2 is read; version 1, a later one and the other byte order are refused by name")
  func versions() throws {
    #expect(try read(Raw(version: 2).bytes).version == 2)
    #expect(failure(Raw(version: 1).bytes) == .unsupportedGGUF("version 1"))
    #expect(failure(Raw(version: 4).bytes) == .unsupportedGGUF("version 4"))
    #expect(failure(Raw(version: UInt32(3).byteSwapped).bytes) == .unsupportedGGUF("big-endian byte order"))
    #expect(failure(Array("GGML".utf8) + Raw().bytes.dropFirst(4)) == .notGGUF)
    #expect(failure(Array("GG".utf8)) == .notGGUF)
    #expect(failure([]) == .notGGUF)
  }

  @Test("A file cut anywhere before the end of its last tensor is refused")
  func truncated() {
    // The reference ends with the padding after h: 30 bytes that no tensor needs.
    for length in 0..<reference.count - 30 { #expect(failure(Array(reference.prefix(length))) != nil) }
    #expect(failure(Array(reference.dropLast(30))) == nil)
    #expect(failure(Array(reference.dropLast(31))) == .endsWithin("tensor \"h\""))
  }

  @Test("Counts and lengths beyond the file are refused before anything is allocated")
  func hugeCounts() {
    #expect(failure(Raw(values: .max).bytes) == .endsWithin("its metadata"))
    #expect(
      failure(Raw(tensors: .max).bytes)
        == .badGGUF(part: "header", problem: "\(UInt64.max) tensors, at most 1048576 are read"))
    #expect(failure(Raw(tensors: 1000).bytes) == .endsWithin("its tensor directory"))
    var key = Raw(values: 1)
    key.add(UInt64.max)
    key.bytes += [UInt8](repeating: 0, count: 100)
    #expect(failure(key.bytes) == .endsWithin("a metadata key"))
    let text = Raw.value(8) { $0.add(UInt64(1) << 40) }
    #expect(failure(text) == .endsWithin("metadata \"k\""))
    for count in [UInt64(5), 1 << 40, .max] {
      let list = Raw.value(9) {
        $0.add(UInt32(4))
        $0.add(count)
        $0.bytes += [UInt8](repeating: 0, count: 19)
      }
      #expect(failure(list) == .endsWithin("metadata \"k\""))
    }
  }

  @Test("More list elements than any vocabulary has are refused")
  func elementLimit() {
    let list = Raw.value(9) {
      $0.add(UInt32(0))
      $0.add(UInt64(1 << 23) + 1)
      $0.bytes += [UInt8](repeating: 0, count: 1 << 23 + 1)
    }
    #expect(failure(list) == .badGGUF(part: "metadata \"k\"", problem: "more than 8388608 list elements in all"))
  }

  @Test("Lists may be nested four deep and no deeper")
  func nesting() throws {
    func nested(_ depth: Int) -> [UInt8] {
      Raw.value(9) {
        for _ in 1..<depth {
          $0.add(UInt32(9))
          $0.add(UInt64(1))
        }
        $0.add(UInt32(0))
        $0.add(UInt64(1))
        $0.add(UInt8(7))
      }
    }
    #expect(
      try read(nested(4)).metadata["k"]
        == .array(.array, [.array(.array, [.array(.array, [.array(.uint8, [.uint8(7)])])])]))
    #expect(
      failure(nested(5)) == .badGGUF(part: "metadata \"k\"", problem: "lists are nested deeper than 4 levels"))
    #expect(failure(nested(10_000)) != nil)
  }

  @Test("Values that are none are refused by their key")
  func badValues() {
    func problem(_ content: [UInt8]) -> String? {
      guard case .badGGUF("metadata \"k\"", let problem)? = failure(content) else { return nil }
      return problem
    }
    #expect(problem(Raw.value(13) { _ in }) == "has the unknown type 13")
    #expect(problem(Raw.value(7) { $0.add(UInt8(2)) }) == "a boolean is 2, expected 0 or 1")
    #expect(
      problem(
        Raw.value(8) {
          $0.add(UInt64(1)); $0.add(UInt8(0xFF))
        }) == "is not UTF-8")
    #expect(
      problem(
        Raw.value(9) {
          $0.add(UInt32(13)); $0.add(UInt64(0))
        }) == "has the unknown type 13")
    var twice = Raw(values: 2)
    for _ in 0..<2 {
      twice.add("k")
      twice.add(UInt32(0))
      twice.add(UInt8(0))
    }
    #expect(problem(twice.bytes) == "occurs twice")
  }

  @Test("An alignment is a power of two, and tensors lie by it", arguments: [0, 3, 1 << 17, -8])
  func badAlignment(alignment: Int32) {
    var raw = Raw(values: 1)
    raw.add("general.alignment")
    raw.add(UInt32(5))
    raw.add(alignment)
    #expect(
      failure(raw.bytes)
        == .badGGUF(part: "metadata \"general.alignment\"", problem: "is not a power of two of at most 65536"))
  }

  @Test("The alignment of the metadata is kept")
  func alignment() throws {
    let content = GGUF.encoded(metadata: [("general.alignment", .uint32(64))], tensors: tensors)
    let file = try read(content)
    #expect(file.names.map { file.tensor($0)!.range.lowerBound % 64 } == [0, 0])
    #expect(try file.floats(#require(file.tensor("t"))) == [0, 1, 2, 3, 4, 5])
  }

  @Test("Tensors that the file does not hold, or not once, are refused by name")
  func badTensors() {
    func error(_ tensors: [(String, [UInt64], UInt32, UInt64)], dataCount: Int = 64) -> TensorError? {
      failure(Raw.tensors(tensors.map { (name: $0.0, extents: $0.1, type: $0.2, offset: $0.3) }, dataCount: dataCount))
    }
    func problem(_ tensors: [(String, [UInt64], UInt32, UInt64)]) -> String? {
      guard case .badGGUF(_, let problem)? = error(tensors) else { return nil }
      return problem
    }
    #expect(error([("a", [8], 0, 0), ("b", [8], 0, 32)]) == nil)
    #expect(error([("a", [8], 0, 0), ("b", [9], 0, 32)]) == .endsWithin("tensor \"b\""))
    #expect(error([("a", [8], 0, 64)]) == .endsWithin("tensor \"a\""))
    #expect(error([("a", [8], 0, UInt64.max - 31)]) == .endsWithin("tensor \"a\""))
    #expect(error([("a", [1 << 40], 0, 0)]) == .endsWithin("tensor \"a\""))
    #expect(
      error([("a", [8], 0, 0), ("b", [8], 0, 0)]) == .badGGUF(part: "tensor \"b\"", problem: "overlaps tensor \"a\"")
        || error([("a", [8], 0, 0), ("b", [8], 0, 0)])
          == .badGGUF(part: "tensor \"a\"", problem: "overlaps tensor \"b\"")
    )
    #expect(
      error([("a", [9], 0, 0), ("b", [1], 0, 32)]) == .badGGUF(part: "tensor \"b\"", problem: "overlaps tensor \"a\""))
    #expect(problem([("a", [1], 0, 0), ("a", [1], 0, 32)]) == "occurs twice")
    #expect(problem([("a", [1], 0, 4)]) == "its offset 4 is not a multiple of 32")
    #expect(problem([("a", [1 << 32, 1 << 32], 0, 0)]) == "its shape overflows")
    #expect(problem([("a", [1 << 63], 0, 0)]) == "its shape overflows")
    #expect(problem([("a", [1, 1, 1, 1, 1], 0, 0)]) == "5 dimensions, at most 4 are read")
    #expect(problem([("a", [48], 8, 0)]) == "rows of 48 weights are not whole blocks of 32 (Q8_0)")
    #expect(problem([(String(repeating: "n", count: 65), [1], 0, 0)]) == "65 bytes, at most 64 are read")
    #expect(error([("a", [256], 12, 0)]) == .unreadType(tensor: "a", type: "Q4_K"))
    #expect(error([("a", [256], 77, 0)]) == .unreadType(tensor: "a", type: "number 77"))
    #expect(error([("a", [0], 0, 0), ("b", [0], 0, 0)], dataCount: 0) == nil)
  }

  @Test("Random damage to a file never traps, and what is still read keeps to the file")
  func damage() {
    var generator = SplitMix64(state: 3)
    for _ in 0..<5000 {
      var content = reference
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        content[Int.random(in: content.indices, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      if Bool.random(using: &generator) { content.removeLast(Int.random(in: 0...content.count, using: &generator)) }
      guard let file = try? read(content) else { continue }
      for name in file.names {
        let tensor = file.tensor(name)!
        #expect(tensor.range.upperBound <= content.count)
        _ = try? file.floats(tensor)
      }
    }
  }
}
