import Documents

/// The formal privacy of a run, under `privacy` in its plan. Masks hide an update inside a sum; they do not bound what the
/// sum reveals.
///
///     privacy: none
///     privacy: {unit: example, mechanism: dpsgd, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001}
///     privacy: {unit: example, mechanism: dpsgd, clipNorm: 1.0, noiseMultiplier: 1.1, delta: 0.000001}
public enum PlannedPrivacy: Sendable, Hashable {
  case none
  /// Whether any one row was there changes little of what a participant sends.
  case examples(ExamplePrivacy)

  /// What a signed plan and a lineage say of it; the plan's digest covers the rest.
  public var word: String {
    switch self {
    case .none: "none"
    case .examples: "example-dpsgd"
    }
  }

  /// For people, in half a sentence.
  public var summary: String {
    guard case .examples(let rules) = self else { return "no formal privacy" }
    let noise =
      switch rules.noise {
      case .epsilon(let epsilon): "epsilon \(epsilon) at delta \(rules.delta) for the whole run"
      case .multiplier(let sigma): "noise of \(sigma) clip norms; each node counts its own epsilon"
      }
    return "formal privacy of each row's part in the updates: DP-SGD, \(noise)"
  }
}

/// DP-SGD on each participant.
public struct ExamplePrivacy: Sendable, Hashable {
  public enum Noise: Sendable, Hashable {
    /// Its deviation, in clip norms.
    case multiplier(Double)
    /// What the run's training rounds may spend; each node works out the noise from its number of rows.
    case epsilon(Double)
  }

  /// The largest L2 norm of one row's gradient.
  public var clipNorm: Double
  public var noise: Noise
  /// The δ of the guarantee.
  public var delta: Double

  public init(clipNorm: Double, noise: Noise, delta: Double) {
    self.clipNorm = clipNorm
    self.noise = noise
    self.delta = delta
  }
}

extension PlannedPrivacy: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case unit, mechanism, clipNorm, noiseMultiplier, epsilon, delta
  }

  private enum Unit: String, CaseIterable {
    case example, client

    init(decoding decoder: any Decoder) throws { self = try decodeWord(from: decoder, meaning: "whose part is hidden") }
  }

  private enum Mechanism: String, CaseIterable { case dpsgd }

  public init(from decoder: any Decoder) throws {
    if let word = try? decoder.singleValueContainer().decode(String.self) {
      guard word == "none" else {
        throw mistake(decoder, "expected none, or a mapping with unit, clipNorm, epsilon and delta, found \"\(word)\"")
      }
      self = .none
      return
    }
    let section = try decoder.container(keyedBy: CodingKeys.self)
    let unit = try Unit(decoding: section.superDecoder(forKey: .unit))
    // Asked for, so that the reason below is what a reader sees first.
    let mechanism = try section.decodeIfPresent(String.self, forKey: .mechanism) ?? Mechanism.dpsgd.rawValue
    let clipNorm = try section.decodeIfPresent(Double.self, forKey: .clipNorm)
    let multiplier = try section.decodeIfPresent(Double.self, forKey: .noiseMultiplier)
    let epsilon = try section.decodeIfPresent(Double.self, forKey: .epsilon)
    let delta = try section.decodeIfPresent(Double.self, forKey: .delta)
    if unit == .client { throw mistake(decoder, Self.clientsAreTooFew) }
    guard mechanism == Mechanism.dpsgd.rawValue else {
      throw mistake(decoder, "mechanism: expected dpsgd, found \"\(mechanism)\"")
    }
    guard let clipNorm else { throw mistake(decoder, "clipNorm is missing: the largest norm of one row's gradient") }
    guard let delta else { throw mistake(decoder, "delta is missing: below one in the number of rows, as 0.000001") }
    let noise: ExamplePrivacy.Noise
    switch (multiplier, epsilon) {
    case (let multiplier?, nil): noise = .multiplier(multiplier)
    case (nil, let epsilon?): noise = .epsilon(epsilon)
    default: throw mistake(decoder, "expected either epsilon or noiseMultiplier")
    }
    self = .examples(ExamplePrivacy(clipNorm: clipNorm, noise: noise, delta: delta))
  }

  /// With n participants a mean moves by C / n when one leaves, so that noise which hides it is of the size of the mean
  /// itself until n is large: with everyone taking part, a multiplier of 1 and 20 rounds cost ε 28 at δ 1e-5.
  private static let clientsAreTooFew =
    "unit: client hides whole participants, which takes at least 200 of them in a round: with fewer, noise that hides one "
    + "drowns the mean of all; this version offers unit: example, which hides each row"

  public func encode(to encoder: any Encoder) throws {
    guard case .examples(let rules) = self else {
      var container = encoder.singleValueContainer()
      return try container.encode("none")
    }
    var section = encoder.container(keyedBy: CodingKeys.self)
    try section.encode(Unit.example.rawValue, forKey: .unit)
    try section.encode(Mechanism.dpsgd.rawValue, forKey: .mechanism)
    try section.encode(rules.clipNorm, forKey: .clipNorm)
    switch rules.noise {
    case .multiplier(let multiplier): try section.encode(multiplier, forKey: .noiseMultiplier)
    case .epsilon(let epsilon): try section.encode(epsilon, forKey: .epsilon)
    }
    try section.encode(rules.delta, forKey: .delta)
  }
}

private func mistake(_ decoder: any Decoder, _ description: String) -> DecodingError {
  .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: description))
}
