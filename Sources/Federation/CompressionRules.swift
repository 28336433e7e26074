public import Updates

extension RunPlan {
  /// How models travel: what a plan's key `compression` says.
  public struct Compression: Sendable, Hashable, Codable {
    /// Models on their way to participants.
    public var down: Down
    /// Updates of a plan whose `averaging` is `clear`; nil says `rotated`. Under masks there is one way only.
    public var up: Up?
    /// The part of the coordinates that a sparse update has; nil says 0.05.
    public var keep: Double?

    public enum Up: String, Sendable, Hashable, Codable, CaseIterable {
      /// Four bits a coordinate after a random rotation; right on average.
      case rotated
      /// The largest changes, in 8 bits; what is left out is kept on the node for the next round.
      case sparse
    }

    public enum Down: String, Sendable, Hashable, Codable, CaseIterable {
      /// Whole and exact.
      case full
      /// Deltas in bfloat16, half the bytes: eight binary digits of each change.
      case bf16
      /// Deltas in 8 bits, a quarter of the bytes: each change to 1/254 of the largest among its 256 neighbours.
      case int8
    }

    public init(down: Down = .full, up: Up? = nil, keep: Double? = nil) {
      self.down = down
      self.up = up
      self.keep = keep
    }
  }
}

extension RunPlan.Compression.Down {
  /// Of a model with so many parameters; nil when models travel whole.
  public func delta(count: Int) -> ModelDelta? {
    switch self {
    case .full: nil
    case .bf16: ModelDelta(.bf16, count: count)
    case .int8: ModelDelta(.int8, count: count)
    }
  }

  public init(from decoder: any Decoder) throws {
    self = try decodeWord(from: decoder, meaning: "how models travel to participants")
  }
}

extension RunPlan.Compression.Up {
  public init(from decoder: any Decoder) throws {
    self = try decodeWord(from: decoder, meaning: "how updates without masks travel to the coordinator")
  }
}

extension RunPlan.Compression {
  public init(from decoder: any Decoder) throws {
    let rules = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      down: try rules.decodeIfPresent(Down.self, forKey: .down) ?? .full,
      up: try rules.decodeIfPresent(Up.self, forKey: .up), keep: try rules.decodeIfPresent(Double.self, forKey: .keep))
  }

  func validate(averaging: RunPlan.Averaging) throws(FederationError) {
    if let up, averaging == .secure {
      throw .invalidPlan(
        key: "compression.up", found: up.rawValue, expected: "no such key: masks leave one way, or averaging: clear")
    }
    guard let keep else { return }
    guard up == .sparse, (1e-4...1).contains(keep) else {
      throw .invalidPlan(key: "compression.keep", found: "\(keep)", expected: "0.0001 to 1, with up: sparse")
    }
  }
}

extension RunPlan {
  /// How updates travel without masks; nil in a plan that averages securely.
  public var clearFormat: ClearUpdate.Format? {
    guard averaging == .clear else { return nil }
    switch compression.up ?? .rotated {
    case .rotated: return .rotated
    case .sparse: return .sparse(part: compression.keep ?? 0.05)
    }
  }
}
