/// How a round ended.
public enum RoundOutcome: UInt8, Hashable, Codable, Sendable {
  case done = 0
  case abandoned = 1
  /// The average was computed and looked wrong; nothing was published.
  case alarm = 2
}

/// The coordinator's last word on a round. Closes of one run form a chain: each starts from the model that the one before
/// it ended with.
public struct RoundClose: Hashable, Codable, Sendable {
  public var run: String
  public var roundID: UInt64
  public var planHash: Digest
  /// R, or zero when no roster was frozen.
  public var rosterRoot: Digest
  /// h2, or zero when no survivors were frozen.
  public var survivorsHash: Digest
  public var modelIn: Digest
  /// The next model; ``modelIn`` again unless the round is done.
  public var modelOut: Digest
  /// L2 norm of the mean update.
  public var meanNorm: Double
  public var totalWeight: UInt64
  public var survivors: UInt16
  public var outcome: RoundOutcome

  public init(
    run: String, roundID: UInt64, planHash: Digest, rosterRoot: Digest, survivorsHash: Digest, modelIn: Digest,
    modelOut: Digest, meanNorm: Double, totalWeight: UInt64, survivors: UInt16, outcome: RoundOutcome
  ) {
    self.run = run
    self.roundID = roundID
    self.planHash = planHash
    self.rosterRoot = rosterRoot
    self.survivorsHash = survivorsHash
    self.modelIn = modelIn
    self.modelOut = modelOut
    self.meanNorm = meanNorm
    self.totalWeight = totalWeight
    self.survivors = survivors
    self.outcome = outcome
  }

  /// The fields in the order above.
  public var canonicalBytes: [UInt8] {
    var encoding = CanonicalBytes()
    encoding.append(run)
    encoding.append(roundID)
    for digest in [planHash, rosterRoot, survivorsHash, modelIn, modelOut] { encoding.append(digest) }
    encoding.append(meanNorm)
    encoding.append(totalWeight)
    encoding.append(survivors)
    encoding.append(outcome.rawValue)
    return encoding.bytes
  }

  /// What in it cannot be of any round: nil when nothing is.
  ///
  /// A round that is not done leaves the model as it was and has no sum; one that is has a weight of at least 1 from each
  /// survivor, or none at all if it was of statistics.
  var contradiction: String? {
    guard meanNorm.isFinite, meanNorm >= 0 else { return "the norm of its mean is \(meanNorm)" }
    guard outcome == .done else {
      if modelOut != modelIn { return "a round that is not done has another model" }
      return meanNorm == 0 && totalWeight == 0 ? nil : "a round that is not done has a mean"
    }
    if totalWeight == 0 { return meanNorm == 0 ? nil : "a round without weights has a mean" }
    if totalWeight < UInt64(survivors) { return "\(survivors) survivors have a total weight of \(totalWeight)" }
    return nil
  }

  /// H("fsa1/close", close): what an exported model's lineage names the round by.
  public var hash: Digest { Digest(label: "fsa1/close", canonicalBytes) }
}

/// A close under its coordinator's signature.
public struct SignedRoundClose: Hashable, Codable, Sendable {
  public var close: RoundClose
  @Base64 public var signature: [UInt8]

  public init(close: RoundClose, signature: [UInt8]) {
    self.close = close
    self.signature = signature
  }

  public init(_ close: RoundClose, signer: IdentitySigner) throws(AveragingError) {
    self.init(close: close, signature: try signer.sign(label: "fsa1/sig/close", close.canonicalBytes))
  }

  public func isSigned(by coordinator: IdentityKey) -> Bool {
    coordinator.verify(signature, label: "fsa1/sig/close", close.canonicalBytes)
  }
}
