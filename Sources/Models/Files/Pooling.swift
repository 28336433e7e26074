/// How an encoder's outputs of a text become one vector.
public enum Pooling: String, Sendable, Hashable, Codable, CaseIterable {
  /// The mean over all tokens, special ones included.
  case mean
  /// The output of the first token, `[CLS]`.
  case cls
}

extension Pooling {
  /// What a `1_Pooling/config.json` of the `sentence-transformers` package states.
  init(sentenceTransformers config: ModelConfig) throws(ModelError) {
    // Up to version 5 one flag for each mode; newer ones may name it.
    let prefix = "pooling_mode_"
    var modes: [String] = []
    if config.value("pooling_mode") != nil { modes = [try config.text("pooling_mode")] }
    for member in try config.members() where member.name.hasPrefix(prefix) && modes.count < 2 {
      if try config.bool(member.name, default: false) { modes.append(String(member.name.dropFirst(prefix.count))) }
    }
    guard modes.count < 2 else {
      throw .unsupportedModel(file: config.file, what: "pooling by \"\(modes[0])\" and \"\(modes[1])\" at once")
    }
    switch modes.first {
    case "mean_tokens", "mean": self = .mean
    case "cls_token", "cls": self = .cls
    case let other?: throw .unsupportedModel(file: config.file, what: "pooling by \"\(other)\"")
    case nil: throw .badModel(file: config.file, problem: "no pooling mode is true")
    }
  }
}
