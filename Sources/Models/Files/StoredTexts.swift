import Tensors
import Tokenizers

/// Where a model says how texts become tokens.
enum StoredTexts: Sendable {
  /// Files of the `transformers` package, those that are there.
  case files(tokenizer: ReadOnlyFile?, configuration: ReadOnlyFile?, template: ReadOnlyFile?, directory: String)
  case gguf(GGUFFile)

  private static let byteLimit = 256 << 20

  /// For errors.
  var path: String {
    switch self {
    case .files(let tokenizer, _, _, let directory): tokenizer?.path ?? directory
    case .gguf(let file): file.file.path
    }
  }

  func tokenizer() throws(ModelError) -> Tokenizer {
    switch self {
    case .files(let tokenizer, let configuration, _, let directory):
      guard let tokenizer else { throw .badModel(file: directory, problem: "there is no tokenizer.json") }
      let json = try Self.content(tokenizer)
      let names = try configuration.map { (file) throws(ModelError) in try Self.content(file) }
      do { return try Tokenizer(json: json, configuration: names) } catch {
        throw .tokenizer(file: tokenizer.path, error)
      }
    case .gguf(let file):
      let vocabulary = try GGUFVocabulary(GGUFMetadata(file))
      do { return try Tokenizer(gguf: vocabulary) } catch { throw .tokenizer(file: path, error) }
    }
  }

  static func content(_ file: ReadOnlyFile) throws(ModelError) -> [UInt8] {
    guard file.byteCount <= byteLimit else {
      throw .badModel(file: file.path, problem: "\(file.byteCount) bytes, at most \(byteLimit) are read")
    }
    do { return try file.read(0..<file.byteCount) } catch { throw .reading(file.path, error) }
  }
}

extension GGUFVocabulary {
  fileprivate init(_ metadata: GGUFMetadata) throws(ModelError) {
    func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }
    func id(_ name: String) throws(ModelError) -> Int32? { try metadata.id(key("\(name)_token_id")) }
    var specials = Tokenizer.Specials()
    specials.beginning = try id("bos")
    specials.end = try id("eos")
    specials.padding = try id("padding")
    specials.classification = try id("cls")
    specials.separator = try id("seperator")  // The format's spelling.
    specials.mask = try id("mask")
    specials.unknown = try id("unknown")
    self.init(
      model: try metadata.text(key("model")), preTokenizer: try metadata.text(key("pre"), default: "default"),
      tokens: try metadata.texts(key("tokens")),
      types: try metadata.integers(key("token_type"), default: []).map { Int32(clamping: $0) },
      merges: try metadata.texts(key("merges"), default: []), specials: specials,
      addsBeginning: try metadata.bool(key("add_bos_token")), addsEnd: try metadata.bool(key("add_eos_token")))
  }
}
