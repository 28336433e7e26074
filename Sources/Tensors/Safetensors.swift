import Texts

/// A safetensors file: named tensors as raw little-endian bytes, and text metadata.
///
/// Reading takes bytes from anyone: every length, offset and product is checked before it is used, and whatever the
/// format's reference reader refuses is refused here too, so that no two readers see different models in one file.
/// Writing is deterministic: equal values give equal bytes, which is what a checkpoint's name, its digest, rests on.
///
/// Source: the format description of the safetensors project, https://huggingface.co/docs/safetensors.
public struct Safetensors: Sendable, Equatable {
  public enum ElementType: String, Sendable, Hashable {
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case u16 = "U16"
    case i16 = "I16"
    case f16 = "F16"
    case bf16 = "BF16"
    case u32 = "U32"
    case i32 = "I32"
    case f32 = "F32"
    case u64 = "U64"
    case i64 = "I64"
    case f64 = "F64"

    public var byteCount: Int {
      switch self {
      case .bool, .u8, .i8: 1
      case .u16, .i16, .f16, .bf16: 2
      case .u32, .i32, .f32: 4
      case .u64, .i64, .f64: 8
      }
    }
  }

  public struct Tensor: Sendable, Equatable {
    public var name: String
    public var type: ElementType
    public var shape: [Int]
    /// Row-major, little-endian.
    public var bytes: [UInt8]

    public init(name: String, type: ElementType, shape: [Int], bytes: [UInt8]) {
      self.name = name
      self.type = type
      self.shape = shape
      self.bytes = bytes
    }
  }

  public var metadata: [String: String]
  /// In the order of their bytes in the file.
  public var tensors: [Tensor]

  public init(tensors: [Tensor] = [], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }
}

extension Safetensors {
  /// The file: header length, header padded with spaces to a multiple of 8, tensor bytes in the given order.
  ///
  /// Metadata keys are sorted by their bytes; there is no `__metadata__` member when there is no metadata.
  public func encoded() -> [UInt8] {
    var members: [JSONValue.Member] = []
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members.append(.init("__metadata__", .object(sorted.map { .init($0.key, .string($0.value)) })))
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.bytes.count
      members.append(
        .init(
          tensor.name,
          .object([
            .init("dtype", .string(tensor.type.rawValue)),
            .init("shape", .array(tensor.shape.map { .number(String($0)) })),
            .init("data_offsets", .array([.number(String(offset)), .number(String(end))])),
          ])))
      offset = end
    }
    var header = JSONValue.object(members).encoded(sortingMembers: false)
    header += [UInt8](repeating: UInt8(ascii: " "), count: -header.count & 7)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + offset)
    for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: header.count >> (8 * shift))) }
    bytes += header
    for tensor in tensors { bytes += tensor.bytes }
    return bytes
  }
}
