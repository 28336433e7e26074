import Texts

/// The header of a safetensors file: what its tensors are and where they lie, checked against the file's length.
struct SafetensorsIndex: Sendable {
  /// No header that we write comes near it, and a larger one is only memory for the reader to lose.
  static let headerLimit = 16 << 20

  struct Entry: Sendable {
    let name: String
    let type: Safetensors.ElementType
    let shape: [Int]
    /// In the file.
    let range: Range<Int>
  }

  let metadata: [String: String]
  /// In the order of their bytes in the file.
  let entries: [Entry]

  /// Reads the header of a file that anyone may have written.
  ///
  /// - Throws: For a length that is not the file's, a header that is not strict JSON (a name twice, unknown members),
  ///   unknown types, shapes whose size overflows or differs from the tensor's bytes, and bytes that overlap, leave a
  ///   hole, or follow the last tensor.
  init(_ file: ReadOnlyFile) throws(TensorError) {
    guard file.byteCount >= 8 else { throw .wrongLength(expected: 8, found: UInt64(file.byteCount)) }
    let prefix = try file.read(0..<8)
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(prefix[$1]) << (8 * UInt64($1)) }
    guard length <= UInt64(Self.headerLimit) else { throw .headerTooLarge(bytes: length, limit: Self.headerLimit) }
    guard length <= UInt64(file.byteCount - 8) else {
      throw .wrongLength(expected: 8 + length, found: UInt64(file.byteCount))
    }
    let dataStart = 8 + Int(length)
    let text = try file.read(8..<dataStart)
    let header: JSONValue
    do { header = try JSONValue(parsing: text, depthLimit: 4) } catch { throw .badHeader(error.description) }
    guard case .object(let members) = header else { throw .badHeader("\(header.kind) where an object is expected") }

    var metadata: [String: String] = [:]
    var announced: [HeaderEntry] = []
    for member in members {
      if member.name == "__metadata__" {
        metadata = try Self.metadata(member.value)
      } else {
        announced.append(try HeaderEntry(member))
      }
    }
    announced.sort { ($0.begin, $0.end) < ($1.begin, $1.end) }
    var position = 0
    var entries: [Entry] = []
    for entry in announced {
      guard entry.begin == position else { throw .notContiguous(tensor: entry.name) }
      position = entry.end
      guard position <= file.byteCount - dataStart else {
        throw .wrongLength(expected: UInt64(dataStart) + UInt64(position), found: UInt64(file.byteCount))
      }
      entries.append(
        Entry(
          name: entry.name, type: entry.type, shape: entry.shape,
          range: dataStart + entry.begin..<dataStart + entry.end))
    }
    guard dataStart + position == file.byteCount else {
      throw .wrongLength(expected: UInt64(dataStart + position), found: UInt64(file.byteCount))
    }
    self.metadata = metadata
    self.entries = entries
  }

  private static func metadata(_ value: JSONValue) throws(TensorError) -> [String: String] {
    guard case .object(let members) = value else { throw .badHeader("\"__metadata__\" is \(value.kind)") }
    var metadata: [String: String] = [:]
    for member in members {
      guard let text = member.value.string else {
        throw .badHeader("metadata \"\(member.name)\" is \(member.value.kind), expected text")
      }
      metadata[member.name] = text
    }
    return metadata
  }
}

/// One tensor as the header announces it; its byte count agrees with its shape and type.
private struct HeaderEntry {
  let name: String
  let type: Safetensors.ElementType
  let shape: [Int]
  let begin: Int
  let end: Int

  init(_ member: JSONValue.Member) throws(TensorError) {
    name = member.name
    guard case .object(let fields) = member.value, fields.count == 3,
      let typeName = member.value["dtype"]?.string,
      let shape = Self.naturals(member.value["shape"]),
      let offsets = Self.naturals(member.value["data_offsets"]), offsets.count == 2
    else { throw .badHeader("tensor \"\(member.name)\" needs exactly dtype, shape and data_offsets") }
    guard let type = Safetensors.ElementType(rawValue: typeName) else {
      throw .unknownType(tensor: member.name, type: typeName)
    }
    var size = type.byteCount
    for extent in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw .badHeader("the shape of tensor \"\(member.name)\" overflows") }
      size = product
    }
    guard offsets[0] <= offsets[1] else { throw .badHeader("the offsets of tensor \"\(member.name)\" go backwards") }
    guard offsets[1] - offsets[0] == size else {
      throw .wrongSize(tensor: member.name, expected: size, found: offsets[1] - offsets[0])
    }
    self.type = type
    self.shape = shape
    (begin, end) = (offsets[0], offsets[1])
  }

  private static func naturals(_ value: JSONValue?) -> [Int]? {
    guard case .array(let elements) = value, elements.count <= 64 else { return nil }
    var numbers: [Int] = []
    for element in elements {
      guard case .number(let digits) = element, let number = Int(digits), number >= 0 else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}
