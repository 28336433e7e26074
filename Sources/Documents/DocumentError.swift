/// An error that a person reads: `description` says what is wrong, `hint` what can be typed or changed about it.
public protocol HintedError: Error, CustomStringConvertible {
  var hint: String? { get }
}

/// Where in a document something stands: `plan.yaml:12`, or the override that brought it.
public struct DocumentPlace: Sendable, Hashable, CustomStringConvertible {
  /// The file's name, or the override as it was typed.
  public var source: String
  /// From 1; `nil` where there are no lines.
  public var line: Int?
  /// From 1.
  public var column: Int?

  public init(source: String, line: Int? = nil, column: Int? = nil) {
    self.source = source
    self.line = line
    self.column = column
  }

  public var description: String { line.map { "\(source):\($0)" } ?? source }
}

/// Why a YAML or JSON document was not understood.
///
/// A `path` names a value by the keys that lead to it, `cohort.size`, with places in lists counted from 0; it is empty
/// for the whole document.
public enum DocumentError: HintedError, Equatable {
  /// Not YAML or JSON at all.
  case malformed(DocumentPlace, problem: String)
  case unknownKey(DocumentPlace, path: String, nearest: String?, known: [String])
  case missingKey(DocumentPlace, path: String, key: String)
  case wrongType(DocumentPlace, path: String, expected: String, found: String)
  /// The right type, and a value that cannot be meant.
  case invalid(DocumentPlace, path: String, problem: String, hint: String?)
  case duplicateKey(DocumentPlace, path: String)
  /// YAML that we do not read on purpose: anchors, aliases, tags.
  case notAccepted(DocumentPlace, what: String)
  case tooLarge(DocumentPlace, bytes: Int, limit: Int)
  case tooDeep(DocumentPlace, limit: Int)
  /// An override that is not `path=value`, or whose path leads nowhere.
  case badOverride(String, problem: String)
  /// A value that cannot be written, such as a number that is not finite.
  case notEncodable(String)

  public var description: String {
    switch self {
    case .malformed(let place, let problem):
      place.column.map { "\(place):\($0): \(problem)" } ?? "\(place): \(problem)"
    case .unknownKey(let place, let path, _, _): "\(place): unknown key \"\(path)\""
    case .missingKey(let place, "", let key): "\(place): the key \"\(key)\" is missing"
    case .missingKey(let place, let path, let key): "\(place): the key \"\(key)\" is missing in \"\(path)\""
    case .wrongType(let place, let path, let expected, let found):
      "\(place): \(Self.subject(path))expected \(expected), found \(found)"
    case .invalid(let place, let path, let problem, _): "\(place): \(Self.subject(path))\(problem)"
    case .duplicateKey(let place, let path): "\(place): the key \"\(path)\" occurs twice"
    case .notAccepted(let place, let what): "\(place): \(what) are not accepted"
    case .tooLarge(let place, let bytes, let limit): "\(place): \(bytes) bytes, at most \(limit) are read"
    case .tooDeep(let place, let limit): "\(place): nested deeper than \(limit) levels"
    case .badOverride(let override, let problem): "--set \(override): \(problem)"
    case .notEncodable(let problem): "cannot be written: \(problem)"
    }
  }

  public var hint: String? {
    switch self {
    case .unknownKey(_, _, let nearest?, _): "did you mean \"\(nearest)\"?"
    case .unknownKey(_, _, nil, let known) where !known.isEmpty: "keys here: \(known.joined(separator: ", "))"
    case .invalid(_, _, _, let hint): hint
    case .notAccepted: "write the value out; quote a text that begins with &, * or !"
    case .badOverride: "write --set path=value, for example --set evaluation.fold=2"
    case .duplicateKey: "remove one of them"
    default: nil
    }
  }

  private static func subject(_ path: String) -> String { path.isEmpty ? "" : "\"\(path)\": " }
}
