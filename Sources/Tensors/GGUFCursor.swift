/// Reads the front of a GGUF file piece by piece, as far as its counts lead and the limits allow.
struct GGUFCursor {
  /// Of everything before the tensors. The largest vocabularies take a few megabytes.
  static let byteLimit = 256 << 20
  /// Of all lists of the metadata together: a list in memory takes several times its place in the file.
  static let elementLimit = 1 << 23
  /// Lists within lists.
  static let depthLimit = 4

  private let file: ReadOnlyFile
  /// In the file.
  private(set) var position = 0
  private var elementsLeft = Self.elementLimit
  private var window: [UInt8] = []
  private var windowStart = 0

  init(_ file: ReadOnlyFile) {
    self.file = file
  }

  private var bytesLeft: Int { min(file.byteCount, Self.byteLimit) - position }

  /// - Parameter what: What they are part of, for the error.
  mutating func bytes(_ count: Int, of what: @autoclosure () -> String) throws(TensorError) -> ArraySlice<UInt8> {
    guard count <= bytesLeft else {
      guard position + count > file.byteCount else {
        throw .badGGUF(part: what(), problem: "lies beyond the first \(Self.byteLimit) bytes")
      }
      throw .endsWithin(what())
    }
    if position + count > windowStart + window.count {
      window = try file.read(position..<position + min(max(count, 1 << 20), bytesLeft))
      windowStart = position
    }
    let start = position - windowStart
    position += count
    return window[start..<start + count]
  }

  mutating func integer<Integer: FixedWidthInteger>(
    _ type: Integer.Type, of what: @autoclosure () -> String
  ) throws(TensorError) -> Integer {
    try bytes(MemoryLayout<Integer>.size, of: what()).withUnsafeBytes {
      Integer(littleEndian: $0.loadUnaligned(as: Integer.self))
    }
  }

  /// A count of things that take at least `unit` bytes each, refused when the file has no room for them.
  func count(_ count: UInt64, unit: Int, of what: @autoclosure () -> String) throws(TensorError) -> Int {
    guard count <= UInt64(bytesLeft / unit) else { throw .endsWithin(what()) }
    return Int(count)
  }

  mutating func string(of what: @autoclosure () -> String) throws(TensorError) -> String {
    let length = try integer(UInt64.self, of: what())
    let text = try bytes(count(length, unit: 1, of: what()), of: what())
    guard let string = String(validating: text, as: UTF8.self) else {
      throw .badGGUF(part: what(), problem: "is not UTF-8")
    }
    return string
  }

  /// A value with its type before it.
  mutating func value(of what: String) throws(TensorError) -> GGUF.Value {
    try value(type(of: what), of: what, depth: 0)
  }

  private mutating func type(of what: String) throws(TensorError) -> GGUF.ValueType {
    let number = try integer(UInt32.self, of: what)
    guard let type = GGUF.ValueType(rawValue: number) else {
      throw .badGGUF(part: what, problem: "has the unknown type \(number)")
    }
    return type
  }

  private mutating func value(_ type: GGUF.ValueType, of what: String, depth: Int) throws(TensorError) -> GGUF.Value {
    switch type {
    case .uint8: return .uint8(try integer(UInt8.self, of: what))
    case .int8: return .int8(try integer(Int8.self, of: what))
    case .uint16: return .uint16(try integer(UInt16.self, of: what))
    case .int16: return .int16(try integer(Int16.self, of: what))
    case .uint32: return .uint32(try integer(UInt32.self, of: what))
    case .int32: return .int32(try integer(Int32.self, of: what))
    case .float32: return .float32(Float(bitPattern: try integer(UInt32.self, of: what)))
    case .uint64: return .uint64(try integer(UInt64.self, of: what))
    case .int64: return .int64(try integer(Int64.self, of: what))
    case .float64: return .float64(Double(bitPattern: try integer(UInt64.self, of: what)))
    case .string: return .string(try string(of: what))
    case .bool:
      let byte = try integer(UInt8.self, of: what)
      guard byte < 2 else { throw .badGGUF(part: what, problem: "a boolean is \(byte), expected 0 or 1") }
      return .bool(byte == 1)
    case .array:
      guard depth < Self.depthLimit else {
        throw .badGGUF(part: what, problem: "lists are nested deeper than \(Self.depthLimit) levels")
      }
      let elementType = try self.type(of: what)
      let announced = try integer(UInt64.self, of: what)
      let count = try count(announced, unit: elementType.minimumByteCount, of: what)
      guard count <= elementsLeft else {
        throw .badGGUF(part: what, problem: "more than \(Self.elementLimit) list elements in all")
      }
      elementsLeft -= count
      var elements: [GGUF.Value] = []
      elements.reserveCapacity(count)
      for _ in 0..<count { elements.append(try value(elementType, of: what, depth: depth + 1)) }
      return .array(elementType, elements)
    }
  }
}
