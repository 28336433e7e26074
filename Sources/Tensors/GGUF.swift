/// The words of the GGUF format: values of its metadata and the tensors it holds.
///
/// Source: the specification of the ggml project, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
public enum GGUF {
  /// The type of a value, by its number in the file.
  public enum ValueType: UInt32, Sendable, Hashable {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// The fewest bytes that a value of this type takes.
    var minimumByteCount: Int {
      switch self {
      case .uint8, .int8, .bool: 1
      case .uint16, .int16: 2
      case .uint32, .int32, .float32: 4
      case .uint64, .int64, .float64, .string: 8
      case .array: 12
      }
    }
  }

  public enum Value: Sendable, Hashable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    /// All elements are of that type.
    case array(ValueType, [Value])
    case uint64(UInt64)
    case int64(Int64)
    case float64(Double)

    public var type: ValueType {
      switch self {
      case .uint8: .uint8
      case .int8: .int8
      case .uint16: .uint16
      case .int16: .int16
      case .uint32: .uint32
      case .int32: .int32
      case .float32: .float32
      case .bool: .bool
      case .string: .string
      case .array: .array
      case .uint64: .uint64
      case .int64: .int64
      case .float64: .float64
      }
    }
  }

  /// A tensor to write.
  public struct Tensor: Sendable, Hashable {
    public var name: String
    public var type: TensorType
    /// Slowest first, as in safetensors; the file lists it the other way round.
    public var shape: [Int]
    /// Whole blocks, row by row, little-endian.
    public var bytes: [UInt8]

    public init(name: String, type: TensorType, shape: [Int], bytes: [UInt8]) {
      self.name = name
      self.type = type
      self.shape = shape
      self.bytes = bytes
    }
  }
}

extension GGUF.Value {
  /// A whole number of any type, if an `Int` holds it.
  public var integer: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(value)
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// A number of any type.
  public var number: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    default: integer.map(Double.init)
    }
  }

  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The elements of a list of texts.
  public var strings: [String]? {
    guard case .array(.string, let elements) = self else { return nil }
    return elements.map { $0.string! }
  }

  /// The elements of a list of whole numbers.
  public var integers: [Int]? {
    guard case .array(_, let elements) = self else { return nil }
    let integers = elements.compactMap(\.integer)
    return integers.count == elements.count ? integers : nil
  }
}
