extension Safetensors {
  /// Reads the whole of a file that anyone may have written; see `SafetensorsFile` for a large one.
  ///
  /// - Throws: For a length that is not the file's, a header that is not strict JSON (a name twice, unknown members),
  ///   unknown types, shapes whose size overflows or differs from the tensor's bytes, and bytes that overlap, leave a
  ///   hole, or follow the last tensor.
  public init(decoding bytes: [UInt8]) throws(TensorError) {
    let index = try SafetensorsIndex(ReadOnlyFile(bytes: bytes, path: ""))
    let tensors = index.entries.map {
      Tensor(name: $0.name, type: $0.type, shape: $0.shape, bytes: Array(bytes[$0.range]))
    }
    self.init(tensors: tensors, metadata: index.metadata)
  }
}

/// A safetensors file that stays on the disk: its header is read, a tensor when it is asked for.
///
/// It refuses what `Safetensors` refuses.
public struct SafetensorsFile: Sendable {
  public let file: ReadOnlyFile
  public let metadata: [String: String]
  /// The names in the order of their bytes in the file.
  public let names: [String]
  private let entries: [String: SafetensorsIndex.Entry]

  public init(_ file: ReadOnlyFile) throws(TensorError) {
    let index = try SafetensorsIndex(file)
    self.file = file
    metadata = index.metadata
    names = index.entries.map(\.name)
    entries = Dictionary(uniqueKeysWithValues: index.entries.map { ($0.name, $0) })
  }

  /// The shape and type of a tensor; nil when there is none of that name.
  public func tensor(_ name: String) -> (shape: [Int], type: Safetensors.ElementType)? {
    entries[name].map { ($0.shape, $0.type) }
  }

  /// The elements of a tensor of this file, row by row.
  ///
  /// - Throws: `.notFloat` for a type other than F32, F16, BF16 and F64; `.notFinite` for NaN or an infinity.
  public func floats(_ name: String) throws(TensorError) -> [Float] {
    guard let entry = entries[name] else { preconditionFailure("a tensor of this file") }
    switch entry.type {
    case .f32: return try file.floats(entry.range, type: .f32, tensor: name)
    case .f16: return try file.floats(entry.range, type: .f16, tensor: name)
    case .bf16: return try file.floats(entry.range, type: .bf16, tensor: name)
    case .f64:
      return try file.floats(entry.range, unit: 8, perUnit: 1, tensor: name) { y, x in
        for k in 0..<x.count / 8 {
          let bits = UInt64(littleEndian: x.loadUnaligned(fromByteOffset: 8 * k, as: UInt64.self))
          y[k] = Float(Double(bitPattern: bits))
        }
      }
    case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64:
      throw .notFloat(tensor: name, type: entry.type.rawValue)
    }
  }
}

extension ReadOnlyFile {
  /// The elements of a tensor, which that range of the file holds.
  func floats(_ range: Range<Int>, type: TensorType, tensor: String) throws(TensorError) -> [Float] {
    try floats(range, unit: type.blockByteCount, perUnit: type.blockLength, tensor: tensor) {
      Dequantisation.dequantise($0, $1, type: type)
    }
  }

  /// - Parameter convert: Writes the elements of its second argument, whole units, to its first.
  fileprivate func floats(
    _ range: Range<Int>, unit: Int, perUnit: Int, tensor: String,
    _ convert: (UnsafeMutablePointer<Float>, UnsafeRawBufferPointer) -> Void
  ) throws(TensorError) -> [Float] {
    let total = range.count / unit * perUnit
    guard total > 0 else { return [] }
    var failure: TensorError?
    var areFinite = true
    let floats = [Float](unsafeUninitializedCapacity: total) { y, count in
      do throws(TensorError) {
        try forEachPiece(of: range, unit: unit) { x, offset in
          let part = UnsafeMutableBufferPointer(
            rebasing: y[offset / unit * perUnit..<(offset + x.count) / unit * perUnit])
          convert(part.baseAddress!, x)
          areFinite = areFinite && Self.areFinite(part)
        }
        count = total
      } catch { failure = error }
    }
    if let failure { throw failure }
    guard areFinite else { throw .notFinite(tensor: tensor) }
    return floats
  }

  /// Without a branch in the loop: an exponent of all ones is the largest there is.
  private static func areFinite(_ values: UnsafeMutableBufferPointer<Float>) -> Bool {
    var largest: UInt32 = 0
    for value in values { largest = max(largest, value.bitPattern & 0x7F80_0000) }
    return largest < 0x7F80_0000
  }
}
