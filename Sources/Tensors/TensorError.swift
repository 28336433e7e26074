/// Why bytes are not a safetensors file, or its tensors not the parameters that were expected.
public enum TensorError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file is shorter than its own header says, or longer.
  case wrongLength(expected: UInt64, found: UInt64)
  case headerTooLarge(bytes: UInt64, limit: Int)
  /// The header is not the JSON that the format asks for; the text names the member.
  case badHeader(String)
  case unknownType(tensor: String, type: String)
  /// The bytes of a tensor do not fit its shape and type.
  case wrongSize(tensor: String, expected: Int, found: Int)
  /// Tensors overlap or leave a hole: a reader could be made to see one thing and another reader another.
  case notContiguous(tensor: String)
  case notFloat32(tensor: String)
  case notFinite(tensor: String)

  public var description: String {
    switch self {
    case .wrongLength(let expected, let found): "safetensors: the file has \(found) bytes, expected \(expected)"
    case .headerTooLarge(let bytes, let limit): "safetensors: the header has \(bytes) bytes, at most \(limit) are read"
    case .badHeader(let what): "safetensors: bad header: \(what)"
    case .unknownType(let tensor, let type): "safetensors: tensor \"\(tensor)\" has the unknown type \"\(type)\""
    case .wrongSize(let tensor, let expected, let found):
      "safetensors: tensor \"\(tensor)\" has \(found) bytes, its shape and type need \(expected)"
    case .notContiguous(let tensor):
      "safetensors: tensor \"\(tensor)\" does not begin where the one before it ends"
    case .notFloat32(let tensor): "tensor \"\(tensor)\" is not of type F32"
    case .notFinite(let tensor): "tensor \"\(tensor)\" holds a value that is not finite"
    }
  }

  public var hint: String? {
    switch self {
    case .wrongLength, .badHeader, .headerTooLarge: "the file may be damaged or not a safetensors file: fetch it again"
    case .unknownType, .wrongSize, .notContiguous, .notFloat32, .notFinite: nil
    }
  }
}
