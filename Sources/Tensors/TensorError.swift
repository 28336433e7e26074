/// Why bytes are not a safetensors or GGUF file, or its tensors not the parameters that were expected.
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
  case notFloat(tensor: String, type: String)
  case notFinite(tensor: String)

  // Files
  case unreadable(file: String, reason: String)
  /// Somebody wrote to the file, or cut it, after it was opened.
  case changed(file: String)

  // GGUF
  case notGGUF
  /// A version or byte order that is not read; the text names it.
  case unsupportedGGUF(String)
  /// The file ends within what the text names.
  case endsWithin(String)
  /// `part` is a metadata key, a tensor, or another part of the file.
  case badGGUF(part: String, problem: String)
  /// A type that ggml knows or will know, and that is not read here.
  case unreadType(tensor: String, type: String)

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
    case .notFloat(let tensor, let type): "tensor \"\(tensor)\" holds no weights: its type is \(type)"
    case .unreadable(let file, let reason): "\(file): \(reason)"
    case .changed(let file): "\(file): the file was changed while it was in use"
    case .notGGUF: "gguf: the file does not begin with \"GGUF\""
    case .unsupportedGGUF(let what): "gguf: \(what) is not read"
    case .endsWithin(let what): "gguf: the file ends within \(what)"
    case .badGGUF(let part, let problem): "gguf: \(part): \(problem)"
    case .unreadType(let tensor, let type): "gguf: tensor \"\(tensor)\" is of type \(type), which is not read"
    case .notFinite(let tensor): "tensor \"\(tensor)\" holds a value that is not finite"
    }
  }

  public var hint: String? {
    switch self {
    case .wrongLength, .badHeader, .headerTooLarge: "the file may be damaged or not a safetensors file: fetch it again"
    case .notGGUF, .endsWithin, .badGGUF: "the file may be damaged or not a GGUF file: fetch it again"
    case .unsupportedGGUF: "convert it to little-endian GGUF version 3 with the tools of llama.cpp"
    case .unreadType:
      "take a file of the same model in F32, F16, BF16, Q8_0, Q4_0 or Q4_1, "
        + "for example by `llama-quantize --allow-requantize IN.gguf OUT.gguf q8_0`"
    case .changed: "leave the file alone while it is in use, and start again"
    case .unknownType, .wrongSize, .notContiguous, .notFloat32, .notFloat, .notFinite, .unreadable: nil
    }
  }
}
