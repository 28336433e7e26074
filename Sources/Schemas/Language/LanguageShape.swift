/// The dimensions of a language model, as its own configuration states them; a plan repeats them so that the coordinator,
/// which never sees the base model, knows what is trained.
///
///     {family: encoder, layers: 6, width: 384, heads: 12, intermediate: 1536, vocabulary: 30522, positions: 512, …}
public enum LanguageShape: Sendable, Hashable {
  case encoder(EncoderShape)
  case decoder(DecoderShape)

  public enum Family: String, Sendable, Hashable, Codable, CaseIterable {
    case encoder, decoder
  }

  public var family: Family {
    switch self {
    case .encoder: .encoder
    case .decoder: .decoder
    }
  }

  public var layers: Int {
    switch self {
    case .encoder(let shape): shape.layers
    case .decoder(let shape): shape.layers
    }
  }

  public var width: Int {
    switch self {
    case .encoder(let shape): shape.width
    case .decoder(let shape): shape.width
    }
  }

  public var vocabulary: Int {
    switch self {
    case .encoder(let shape): shape.vocabulary
    case .decoder(let shape): shape.vocabulary
    }
  }

  /// The longest sequence that the model was made for, in tokens.
  public var positions: Int {
    switch self {
    case .encoder(let shape): shape.positions
    case .decoder(let shape): shape.positions
    }
  }

  /// Refuses dimensions that make no model, or one that no participant could hold.
  public func validate() throws(SchemaError) {
    switch self {
    case .encoder(let shape): try shape.validate()
    case .decoder(let shape): try shape.validate()
    }
  }

  /// `outputs` and `inputs` of the matrix that an adapter is added to, or `nil` if the family has no such matrix.
  public func dimensions(of target: AdapterTarget) -> (outputs: Int, inputs: Int)? {
    switch self {
    case .encoder(let shape):
      switch target {
      case .query, .key, .value, .output: (shape.width, shape.width)
      case .up: (shape.intermediate, shape.width)
      case .down: (shape.width, shape.intermediate)
      case .gate: nil
      }
    case .decoder(let shape):
      switch target {
      case .query: (shape.queryWidth, shape.width)
      case .key, .value: (shape.keyValueWidth, shape.width)
      case .output: (shape.width, shape.queryWidth)
      case .gate, .up: (shape.intermediate, shape.width)
      case .down: (shape.width, shape.intermediate)
      }
    }
  }
}

extension LanguageShape: Codable {
  private enum CodingKeys: String, CodingKey {
    case family
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(Family.self, forKey: .family) {
    case .encoder: self = .encoder(try EncoderShape(from: decoder))
    case .decoder: self = .decoder(try DecoderShape(from: decoder))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(family, forKey: .family)
    switch self {
    case .encoder(let shape): try shape.encode(to: encoder)
    case .decoder(let shape): try shape.encode(to: encoder)
    }
  }
}

/// What both families check of their dimensions.
struct ShapeCheck {
  /// As in the plan.
  static let path = "model.base"

  static func count(_ value: Int, _ key: String, atMost most: Int) throws(SchemaError) {
    guard (1...most).contains(value) else {
      throw .invalid(path: "\(path).\(key)", problem: "expected 1 to \(most), found \(value)", hint: nil)
    }
  }

  static func epsilon(_ value: Double) throws(SchemaError) {
    guard value > 0, value < 1 else {
      throw .invalid(
        path: "\(path).normEpsilon", problem: "expected a number between 0 and 1, found \(value)", hint: nil)
    }
  }

  static func parameters(_ counts: [(Int, times: Int)]) throws(SchemaError) {
    // Each factor was bounded before, so that no product overflows.
    let total = counts.reduce(0) { $0 + $1.0 * $1.times }
    guard total <= 1 << 33 else {
      throw .invalid(path: path, problem: "the model has \(total) parameters, at most \(1 << 33)", hint: nil)
    }
  }
}
