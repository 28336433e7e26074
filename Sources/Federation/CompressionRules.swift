import Updates

extension RunPlan {
  /// How models travel: what a plan's key `compression` says.
  public struct Compression: Sendable, Hashable, Codable {
    /// Models on their way to participants.
    public var down: Down

    public enum Down: String, Sendable, Hashable, Codable, CaseIterable {
      /// Whole and exact.
      case full
      /// Deltas in bfloat16, half the bytes: eight binary digits of each change.
      case bf16
      /// Deltas in 8 bits, a quarter of the bytes: each change to 1/254 of the largest among its 256 neighbours.
      case int8
    }

    public init(down: Down = .full) {
      self.down = down
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

extension RunPlan.Compression {
  public init(from decoder: any Decoder) throws {
    let rules = try decoder.container(keyedBy: CodingKeys.self)
    self.init(down: try rules.decodeIfPresent(Down.self, forKey: .down) ?? .full)
  }
}
