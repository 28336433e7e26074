import Federation
import Models
import Privacy
import SecureAggregation

/// The private training of one update round on this node, as its plan and its number of rows make it.
struct PrivateRound: Codable, Sendable, Hashable {
  var clipNorm: Double
  var charge: PrivacyCharge

  /// - Returns: `nil` for a plan without formal privacy.
  /// - Throws: `PrivacyError` for a target that no noise keeps.
  init?(_ plan: RunPlan, rowCount: Int) throws(PrivacyError) {
    guard case .examples(let rules) = plan.privacy else { return nil }
    let (rate, steps) = PrivateTraining.schedule(plan.training, rowCount: rowCount)
    let sigma =
      switch rules.noise {
      case .multiplier(let multiplier): multiplier
      case .epsilon(let epsilon):
        try Calibration.noiseMultiplier(
          epsilon: epsilon, delta: rules.delta, samplingRate: rate, steps: steps * plan.rounds)
      }
    clipNorm = rules.clipNorm
    charge = PrivacyCharge(noiseMultiplier: sigma, samplingRate: rate, steps: steps)
  }

  /// The training with randomness of one round: which rows a step takes, and the noise.
  func training(_ secret: Secret) throws -> PrivateTraining {
    PrivateTraining(
      clipNorm: clipNorm, step: try SampledGaussian(charge), stepCount: charge.steps,
      sampling: try SecretStream(secret, label: "tributary/poisson-sampling"),
      noise: try SecretStream(secret, label: "tributary/gaussian-noise"))
  }
}

extension SecretStream: SecretRandomness {}

extension SampledGaussian {
  init(_ charge: PrivacyCharge) throws(PrivacyError) {
    try self.init(noiseMultiplier: charge.noiseMultiplier, samplingRate: charge.samplingRate)
  }
}

/// The last round that was worked out: finding the noise of a target takes seconds, and the rounds of a run are alike.
struct PrivateRoundCache: Sendable {
  private var last: (plan: RunPlan, rowCount: Int, round: PrivateRound?)?

  mutating func round(of plan: RunPlan, rowCount: Int) async throws -> PrivateRound? {
    if let last, last.plan == plan, last.rowCount == rowCount { return last.round }
    let round = try await offPool { try PrivateRound(plan, rowCount: rowCount) }
    last = (plan, rowCount, round)
    return round
  }
}
