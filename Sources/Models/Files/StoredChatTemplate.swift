import Tensors
import Tokenizers

extension BaseModel {
  /// How the model was trained to see conversations; nil when it does not say.
  public func chatTemplate() throws(ModelError) -> ChatTemplate? { try texts.chatTemplate() }
}

extension StoredTexts {
  /// The template of conversations; nil when the model has none.
  fileprivate func chatTemplate() throws(ModelError) -> ChatTemplate? {
    var source: (jinja: String, beginning: String?, end: String?)?
    switch self {
    case .files(_, let configuration, let template, _):
      let config = try configuration.map { (file) throws(ModelError) in try ModelConfig(file) }
      let jinja: String?
      if let template {
        jinja = String(decoding: try Self.content(template), as: UTF8.self)
      } else {
        jinja = try config.flatMap(Self.template)
      }
      if let jinja {
        let tokens = try ["bos_token", "eos_token"].map { (key) throws(ModelError) in
          try config.flatMap { (config) throws(ModelError) in try Self.token(key, config) }
        }
        source = (jinja, tokens[0], tokens[1])
      }
    case .gguf(let file):
      let metadata = GGUFMetadata(file)
      guard file.metadata["tokenizer.chat_template"] != nil else { return nil }
      let tokens = try metadata.texts("tokenizer.ggml.tokens")
      func token(_ name: String) throws(ModelError) -> String? {
        guard let id = try metadata.id("tokenizer.ggml.\(name)_token_id") else { return nil }
        return tokens.indices.contains(Int(id)) ? tokens[Int(id)] : nil
      }
      source = (try metadata.text("tokenizer.chat_template"), try token("bos"), try token("eos"))
    }
    guard let source else { return nil }
    do {
      return try ChatTemplate(jinja: source.jinja, beginningToken: source.beginning, endToken: source.end)
    } catch { throw .tokenizer(file: path, error) }
  }

  /// A text, or of several the one called `default`.
  private static func template(_ config: ModelConfig) throws(ModelError) -> String? {
    guard case .array? = config.value("chat_template") else {
      return config.value("chat_template") == nil ? nil : try config.text("chat_template")
    }
    for named in try config.elements("chat_template") where try named.text("name") == "default" {
      return try named.text("template")
    }
    return nil
  }

  /// A token that is named by its text, or by an object with its text.
  private static func token(_ key: String, _ config: ModelConfig) throws(ModelError) -> String? {
    if case .object? = config.value(key) { return try config.object(key)?.text("content") }
    return config.value(key) == nil ? nil : try config.text(key)
  }
}
