import Schemas
import SecureAggregation

extension RunPlan {
  /// Refuses a plan that no cohort could carry out, before anything is sent to anyone.
  public func validate() throws(FederationError) {
    try require(!name.isEmpty && name.utf8.count <= 63 && name.utf8.allSatisfy(Self.isNameByte), "name", name) {
      "1 to 63 of a-z, 0-9 and -"
    }
    do {
      try model.family.validate()
      try training.validate()
    } catch {
      throw .invalidPlan(key: nil, found: "\(error)", expected: error.hint ?? "")
    }
    try require((1...Self.mostRounds).contains(rounds), "rounds", rounds) { "1 to \(Self.mostRounds)" }
    try validateCohort()
    try require((1e-9...1e9).contains(update.clipNorm), "update.clipNorm", update.clipNorm) { "1e-9 to 1e9" }
    try require((1...1 << 24).contains(update.maximumWeight), "update.maximumWeight", update.maximumWeight) {
      "1 to 16777216"
    }
    try require(cohort.size * update.maximumWeight < 1 << 31, "update.maximumWeight", update.maximumWeight) {
      "cohort.size × maximumWeight below 2147483648, so that the total weight fits its lane"
    }
    try require((1e-9...1).contains(update.targetError), "update.targetError", update.targetError) { "1e-9 to 1" }
    try require(server.learningRate.isFinite && server.learningRate > 0, "server.learningRate", server.learningRate) {
      "a positive number"
    }
    try compression.validate(averaging: averaging)
    if let fold = evaluation.fold {
      try require(model.family.foldColumn != nil, "evaluation.fold", fold) {
        "a schema that names its fold column (schema.fold)"
      }
      try require((0...1_000_000).contains(fold), "evaluation.fold", fold) { "0 to 1000000" }
    }
    try validatePrivacy()
  }

  /// What a private training sends beside its noised updates must not tell of the rows that it trained on: measures are of
  /// rows held out, and nobody weighs by a count of rows.
  private func validatePrivacy() throws(FederationError) {
    guard case .examples(let rules) = privacy else { return }
    try require((1e-9...1e9).contains(rules.clipNorm), "privacy.clipNorm", rules.clipNorm) { "1e-9 to 1e9" }
    try require((1e-9...1e-2).contains(rules.delta), "privacy.delta", rules.delta) { "1e-9 to 0.01" }
    switch rules.noise {
    case .multiplier(let multiplier):
      try require((0.1...1e6).contains(multiplier), "privacy.noiseMultiplier", multiplier) { "0.1 to 1000000" }
    case .epsilon(let epsilon):
      try require((0.01...100).contains(epsilon), "privacy.epsilon", epsilon) { "0.01 to 100" }
    }
    try require(update.weights == .uniform, "update.weights", update.weights.rawValue) {
      "uniform, since the number of rows that a weight would tell has no noise"
    }
    try require(evaluation.fold != nil, "evaluation.fold", "missing") {
      "a fold to hold out, since measures have no noise and must not be of rows that train"
    }
  }

  private func validateCohort() throws(FederationError) {
    let size = cohort.size
    let colluders = cohort.assumedColluders
    let largest = Thresholds.largestCohort
    try require((3...largest).contains(size), "cohort.size", size) { "3 to \(largest)" }
    try require((0..<size).contains(colluders), "cohort.assumedColluders", colluders) { "0 to \(size - 1)" }
    guard cohort.threshold <= size, colluders + 2 <= size else {
      throw .impossibleThreshold(threshold: cohort.threshold, size: size, colluders: colluders)
    }
    let floor = max(3, colluders + 2)
    try require((floor...size).contains(cohort.minimumSurvivors), "cohort.minimumSurvivors", cohort.minimumSurvivors) {
      "\(floor) to \(size): at least 3, and 2 more than assumedColluders, at most cohort.size"
    }
    try require((1...7 * 86_400).contains(cohort.deadlineSeconds), "cohort.deadlineSeconds", cohort.deadlineSeconds) {
      "1 to 604800 seconds"
    }
  }

  private func require<Value>(
    _ holds: Bool, _ key: String, _ found: Value, expected: () -> String
  ) throws(FederationError) {
    guard holds else { throw .invalidPlan(key: key, found: "\(found)", expected: expected()) }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || byte == UInt8(ascii: "-")
  }
}
