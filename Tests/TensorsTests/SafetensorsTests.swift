import Tensors
import Testing

/// A file with that header text, unpadded, and those bytes after it.
private func file(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
  let length = UInt64(header.utf8.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + header.utf8 + data
}

private func failure(_ bytes: [UInt8]) -> TensorError? {
  do {
    _ = try Safetensors(decoding: bytes)
    return nil
  } catch { return error }
}

struct SafetensorsTests {
  @Test("Parameters are written as the reference package writes them")
  func encodesAsTheReference() throws {
    // safetensors.numpy.save({"a": float32 [[1, -2]], "b": float32 [0.5]}, {"k": "v\"é", "j": ""}) of safetensors 0.8.0,
    // but for the order of the metadata, which that package leaves to chance.
    let layout = ParameterLayout([("a", [1, 2]), ("b", [1])])
    let bytes = Safetensors(Parameters(layout: layout, values: [1, -2, 0.5]), metadata: ["k": "v\"é", "j": ""])
      .encoded()
    let header =
      #"{"__metadata__":{"j":"","k":"v\"é"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
      + #""b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#
    let padding = String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    #expect(bytes == file(header + padding, [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F]))
  }

  @Test("A file without tensors and without metadata is only a header")
  func empty() throws {
    #expect(Safetensors().encoded() == file("{}      "))
    #expect(try Safetensors(decoding: file("{}")) == Safetensors())
  }

  @Test("What encodes decodes to the same value, of every type and of empty shapes")
  func roundTrip() throws {
    let tensors: [Safetensors.Tensor] = [
      .init(name: "half", type: .bf16, shape: [2, 1], bytes: [1, 2, 3, 4]),
      .init(name: "none", type: .f64, shape: [3, 0], bytes: []),
      .init(name: "one", type: .i64, shape: [], bytes: [1, 2, 3, 4, 5, 6, 7, 8]),
      .init(name: "", type: .bool, shape: [1], bytes: [1]),
    ]
    let file = Safetensors(tensors: tensors, metadata: ["a": "b"])
    #expect(try Safetensors(decoding: file.encoded()) == file)
  }

  @Test("Tensors are taken in the order of their bytes, whatever the order in the header")
  func orderOfBytes() throws {
    let header =
      #"{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#
    #expect(try Safetensors(decoding: file(header, [1, 2, 3])).tensors.map(\.bytes) == [[1, 2], [3]])
  }

  @Test("Parameters survive a file bit by bit")
  func parametersRoundTrip() throws {
    let layout = ParameterLayout([("w", [2, 2]), ("empty", [0]), ("b", [])])
    let parameters = Parameters(layout: layout, values: [1, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 3])
    let read = try Safetensors(decoding: Safetensors(parameters, metadata: [:]).encoded()).parameters()
    #expect(read.layout == layout)
    #expect(read.values.map(\.bitPattern) == parameters.values.map(\.bitPattern))
  }

  @Test("A file cut anywhere, or with a byte more, is refused")
  func truncated() throws {
    let layout = ParameterLayout([("w", [3])])
    let bytes = Safetensors(Parameters(layout: layout), metadata: ["a": "b"]).encoded()
    for length in 0..<bytes.count { #expect(failure(Array(bytes.prefix(length))) != nil) }
    #expect(failure(bytes + [0]) == .wrongLength(expected: UInt64(bytes.count), found: UInt64(bytes.count) + 1))
  }

  @Test("A header length beyond the file or beyond reason is refused without being allocated")
  func headerLength() {
    #expect(failure([UInt8](repeating: 0xFF, count: 16)) == .headerTooLarge(bytes: .max, limit: 16 << 20))
    #expect(failure([100, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D]) == .wrongLength(expected: 108, found: 10))
  }

  @Test(
    "A hostile header is refused",
    arguments: [
      #"[]"#,
      #"{"a":1}"#,
      #"{"__metadata__":[]}"#,
      #"{"__metadata__":{"a":1}}"#,
      // The same name twice.
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
      // An unknown type, an unknown member, a missing one.
      #"{"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}}"#,
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}"#,
      #"{"a":{"dtype":"U8","shape":[1]}}"#,
      // Sizes that differ from the shape, overflow, or are no natural numbers.
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}"#,
      #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
      #"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#,
      #"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#,
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#,
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[99999999999999999999,1]}}"#,
      #"{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}"#,
      // Overlapping, leaving a hole, not beginning at 0.
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
      #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#,
      #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#,
    ])
  func hostileHeader(header: String) {
    #expect(failure(file(header, [0])) != nil)
    #expect(failure(file(header, [0, 0])) != nil)
  }

  @Test("Random damage to a file never traps")
  func damage() {
    let layout = ParameterLayout([("w", [3]), ("b", [1])])
    let good = Safetensors(Parameters(layout: layout), metadata: ["a": "b"]).encoded()
    var generator = SplitMix64(state: 1)
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      _ = try? Safetensors(decoding: bytes).parameters()
    }
  }

  @Test("A file on the disk refuses what one in memory refuses, and gives its tensors as binary32")
  func onDisk() throws {
    let tensors: [Safetensors.Tensor] = [
      .init(name: "single", type: .f32, shape: [2], bytes: bytes("0000803f 000000c0")),
      .init(name: "half", type: .f16, shape: [1, 2], bytes: bytes("003e 00c0")),
      .init(name: "brain", type: .bf16, shape: [1], bytes: bytes("c03f")),
      .init(name: "double", type: .f64, shape: [1], bytes: bytes("000000000000f83f")),
      .init(name: "ids", type: .i64, shape: [1], bytes: [1, 0, 0, 0, 0, 0, 0, 0]),
      .init(name: "none", type: .f32, shape: [0, 3], bytes: []),
      .init(name: "infinite", type: .f16, shape: [2], bytes: bytes("0000 007c")),
      .init(name: "undefined", type: .bf16, shape: [1], bytes: bytes("c0ff")),
    ]
    let encoded = Safetensors(tensors: tensors, metadata: ["a": "b"]).encoded()
    let file = try SafetensorsFile(ReadOnlyFile(bytes: encoded, path: "x"))
    #expect(file.metadata == ["a": "b"])
    #expect(file.names == tensors.map(\.name))
    #expect(try file.floats("single") == [1, -2])
    #expect(try file.floats("half") == [1.5, -2])
    #expect(try file.floats("brain") == [1.5])
    #expect(try file.floats("double") == [1.5])
    #expect(try file.floats("none") == [])
    #expect(file.tensor("half")?.shape == [1, 2])
    #expect(file.tensor("half")?.type == .f16)
    #expect(file.tensor("other") == nil)
    #expect(throws: TensorError.notFloat(tensor: "ids", type: "I64")) { try file.floats("ids") }
    for name in ["infinite", "undefined"] {
      #expect(throws: TensorError.notFinite(tensor: name)) { try file.floats(name) }
    }
    for length in 0..<encoded.count {
      #expect(throws: TensorError.self) {
        try SafetensorsFile(ReadOnlyFile(bytes: Array(encoded.prefix(length)), path: "x"))
      }
    }
  }

  @Test("Only finite F32 tensors are parameters")
  func parametersRefused() throws {
    let half = Safetensors(tensors: [.init(name: "h", type: .f16, shape: [1], bytes: [0, 0])])
    #expect(throws: TensorError.notFloat32(tensor: "h")) { try half.parameters() }
    let infinite = Safetensors(tensors: [.init(name: "x", type: .f32, shape: [1], bytes: [0, 0, 0x80, 0x7F])])
    #expect(throws: TensorError.notFinite(tensor: "x")) { try infinite.parameters() }
  }
}
