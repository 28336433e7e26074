import Texts

/// Why a tokenizer or a chat template cannot be used. A `path` names a member of tokenizer.json, `model.vocab`.
public enum TokenizerError: Error, Sendable, Hashable, CustomStringConvertible {
  case notJSON(JSONError)
  case missing(path: String)
  case wrongType(path: String, expected: String, found: String)
  /// The right type, and a value that cannot be meant.
  case invalid(path: String, problem: String)
  /// A part of the file that is well formed and that this program does not know: ids would differ from those that the
  /// model was trained with.
  case unsupported(path: String, what: String, known: [String])
  /// A chat template that is not well formed.
  case templateSyntax(line: Int, problem: String)
  /// A construct of Jinja outside the subset that chat templates use.
  case templateUnsupported(line: Int, what: String)
  /// An operation on values that do not allow it, such as a number plus a text.
  case templateFails(line: Int, problem: String)
  /// The template itself refused the messages, with `raise_exception`.
  case templateRefuses(String)

  public var description: String {
    switch self {
    case .notJSON(let error): "tokenizer: \(error)"
    case .missing(let path): "tokenizer: \"\(path)\" is missing"
    case .wrongType(let path, let expected, let found): "tokenizer: \"\(path)\": expected \(expected), found \(found)"
    case .invalid(let path, let problem): "tokenizer: \"\(path)\": \(problem)"
    case .unsupported(let path, let what, _): "tokenizer: \"\(path)\": \(what) is not supported"
    case .templateSyntax(let line, let problem): "chat template: line \(line): \(problem)"
    case .templateUnsupported(let line, let what): "chat template: line \(line): \(what) is not supported"
    case .templateFails(let line, let problem): "chat template: line \(line): \(problem)"
    case .templateRefuses(let message): "chat template: \(message)"
    }
  }

  public var hint: String? {
    switch self {
    case .notJSON, .missing, .wrongType, .invalid:
      "the file may be damaged or not a tokenizer: fetch it again from where the model came from"
    case .unsupported(_, _, let known):
      known.isEmpty
        ? "choose another model" : "choose a model whose tokenizer has one of: \(known.joined(separator: ", "))"
    case .templateSyntax, .templateUnsupported, .templateFails:
      "the template comes with the model: choose another model"
    case .templateRefuses: "change the messages as the model's template asks"
    }
  }
}
