/// A GGUF file, version 2 or 3, that stays on the disk: its metadata and the directory of its tensors are read, a tensor
/// when it is asked for.
///
/// Anyone may have written the file: counts, lengths, depths and offsets are checked before they are used, tensors lie
/// in the file and do not overlap, and no name occurs twice.
public struct GGUFFile: Sendable {
  public struct Entry: Sendable, Hashable {
    public let name: String
    public let type: TensorType
    /// Slowest first, as in safetensors; the file lists it the other way round.
    public let shape: [Int]
    /// In the file.
    public let range: Range<Int>

    /// The bytes of one row, the fastest extent.
    public var rowByteCount: Int { (shape.last ?? 1) / type.blockLength * type.blockByteCount }
  }

  public let file: ReadOnlyFile
  public let version: UInt32
  public let metadata: [String: GGUF.Value]
  /// The names in the order of the file's directory.
  public let names: [String]
  private let entries: [String: Entry]

  /// ggml's limit.
  private static let nameLimit = 64
  private static let dimensionLimit = 4
  private static let tensorLimit = 1 << 20

  public init(_ file: ReadOnlyFile) throws(TensorError) {
    var cursor = GGUFCursor(file)
    guard file.byteCount >= 4, try cursor.bytes(4, of: "its magic").elementsEqual("GGUF".utf8) else { throw .notGGUF }
    version = try cursor.integer(UInt32.self, of: "its version")
    guard version & 0xFFFF != 0 else { throw .unsupportedGGUF("big-endian byte order") }
    guard version == 2 || version == 3 else { throw .unsupportedGGUF("version \(version)") }
    let tensorCount = try cursor.integer(UInt64.self, of: "its counts")
    let valueCount = try cursor.integer(UInt64.self, of: "its counts")
    guard tensorCount <= UInt64(Self.tensorLimit) else {
      throw .badGGUF(part: "header", problem: "\(tensorCount) tensors, at most \(Self.tensorLimit) are read")
    }

    var metadata: [String: GGUF.Value] = [:]
    for _ in 0..<(try cursor.count(valueCount, unit: 12, of: "its metadata")) {
      let key = try cursor.string(of: "a metadata key")
      let part = "metadata \"\(key)\""
      guard metadata[key] == nil else { throw .badGGUF(part: part, problem: "occurs twice") }
      metadata[key] = try cursor.value(of: part)
    }
    self.metadata = metadata
    let alignment = metadata["general.alignment"].map { $0.integer ?? 0 } ?? 32
    guard (1...(1 << 16)).contains(alignment), alignment.nonzeroBitCount == 1 else {
      throw .badGGUF(part: "metadata \"general.alignment\"", problem: "is not a power of two of at most 65536")
    }

    var announced: [AnnouncedTensor] = []
    for _ in 0..<(try cursor.count(tensorCount, unit: 24, of: "its tensor directory")) {
      announced.append(try Self.tensor(&cursor))
    }
    let dataStart = (cursor.position + alignment - 1) & -alignment
    var entries: [String: Entry] = [:]
    for tensor in announced {
      let part = "tensor \"\(tensor.name)\""
      guard tensor.offset % UInt64(alignment) == 0 else {
        throw .badGGUF(part: part, problem: "its offset \(tensor.offset) is not a multiple of \(alignment)")
      }
      let room = file.byteCount - dataStart
      guard room >= 0, tensor.byteCount <= room, tensor.offset <= UInt64(room - tensor.byteCount) else {
        throw .endsWithin(part)
      }
      let start = dataStart + Int(tensor.offset)
      let entry = Entry(
        name: tensor.name, type: tensor.type, shape: tensor.shape, range: start..<start + tensor.byteCount)
      guard entries.updateValue(entry, forKey: entry.name) == nil else {
        throw .badGGUF(part: part, problem: "occurs twice")
      }
    }
    let ordered = entries.values.filter { !$0.range.isEmpty }
      .sorted { ($0.range.lowerBound, $0.name) < ($1.range.lowerBound, $1.name) }
    for (first, second) in zip(ordered, ordered.dropFirst()) where first.range.upperBound > second.range.lowerBound {
      throw .badGGUF(part: "tensor \"\(second.name)\"", problem: "overlaps tensor \"\(first.name)\"")
    }
    self.file = file
    names = announced.map(\.name)
    self.entries = entries
  }

  /// One entry of the directory; its size fits an `Int`.
  private struct AnnouncedTensor {
    let name: String
    let type: TensorType
    let shape: [Int]
    let offset: UInt64
    let byteCount: Int
  }

  private static func tensor(_ cursor: inout GGUFCursor) throws(TensorError) -> AnnouncedTensor {
    let name = try cursor.string(of: "a tensor's name")
    let part = "tensor \"\(name)\""
    guard name.utf8.count <= nameLimit else {
      throw .badGGUF(part: "a tensor's name", problem: "\(name.utf8.count) bytes, at most \(nameLimit) are read")
    }
    let dimensionCount = try cursor.integer(UInt32.self, of: part)
    guard dimensionCount <= UInt32(dimensionLimit) else {
      throw .badGGUF(part: part, problem: "\(dimensionCount) dimensions, at most \(dimensionLimit) are read")
    }
    var shape: [Int] = []
    for _ in 0..<dimensionCount {
      let extent = try cursor.integer(UInt64.self, of: part)
      guard let extent = Int(exactly: extent) else { throw .badGGUF(part: part, problem: "its shape overflows") }
      shape.insert(extent, at: 0)
    }
    let typeNumber = try cursor.integer(UInt32.self, of: part)
    guard let type = TensorType(rawValue: typeNumber) else {
      throw .unreadType(tensor: name, type: TensorType.names[typeNumber] ?? "number \(typeNumber)")
    }
    guard (shape.last ?? 1) % type.blockLength == 0 else {
      throw .badGGUF(
        part: part,
        problem: "rows of \(shape.last ?? 1) weights are not whole blocks of \(type.blockLength) (\(type.name))")
    }
    var byteCount = type.blockByteCount
    for extent in shape.dropLast() + [(shape.last ?? 1) / type.blockLength] {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw .badGGUF(part: part, problem: "its shape overflows") }
      byteCount = product
    }
    let offset = try cursor.integer(UInt64.self, of: part)
    return AnnouncedTensor(name: name, type: type, shape: shape, offset: offset, byteCount: byteCount)
  }

  /// What the file says of a tensor; nil when there is none of that name.
  public func tensor(_ name: String) -> Entry? { entries[name] }

  /// The weights of a tensor of this file, row by row.
  ///
  /// - Throws: `.notFinite` for NaN or an infinity.
  public func floats(_ entry: Entry) throws(TensorError) -> [Float] {
    try file.floats(entry.range, type: entry.type, tensor: entry.name)
  }

  /// The stored bytes of a tensor of this file, row by row.
  public func bytes(_ entry: Entry) throws(TensorError) -> [UInt8] {
    try file.read(entry.range)
  }
}
