/// What a coordinator asks for in one round, the same for every participant, signed before anyone answers.
///
/// Its digest is inside every key of the round, so a coordinator that shows different plans, or different models, to
/// different participants gets masks that do not cancel. The number of bits and the grid follow from the roster.
public struct RoundPlan: Hashable, Codable, Sendable {
  /// The version of the protocol that this code speaks.
  public static let currentVersion: UInt16 = 1
  /// ``maximumLost`` without a limit of its own: the threshold alone decides.
  public static let thresholdDecides = UInt16.max

  public var protocolVersion: UInt16
  public var kind: RoundKind
  /// The run's name. Closes are chained within a run.
  public var run: String
  /// One ascending counter for each coordinator key, over all runs: epoch << 32 | round.
  public var roundID: UInt64
  /// nMin: the fewest survivors, and so organisations, that an average may hold.
  public var minimumSurvivors: UInt16
  /// c: how many participants may collude with the coordinator.
  public var assumedColluders: UInt16
  /// How many of the roster may be missing from the average; ``thresholdDecides`` leaves it to the threshold.
  public var maximumLost: UInt16
  /// The normalised mean squared error that the number of bits is chosen for.
  public var targetError: Double
  /// C: the L2 bound of one participant's update.
  public var clipNorm: Double
  /// Coordinates of the model for an update, u64 lanes for statistics, 0 for an evaluation.
  public var dimension: UInt32
  /// wMax: the largest weight that one participant may have.
  public var maximumWeight: UInt32
  /// 0: every participant weighs 1. 1: by its number of examples, up to ``maximumWeight``.
  public var weightRule: UInt8
  /// u32 lanes after the vector; 0 in a statistics round.
  public var tailLanes: UInt32
  /// Fixed-point scale of the metrics in the tail.
  public var metricScale: Double
  /// The privacy specification; `none` means no formal privacy.
  public var privacy: String
  /// What is trained and how: the digest of the run's plan.
  public var trainer: Digest
  /// The checkpoint that the round starts from.
  public var modelIn: Digest
  /// The hash of the run's last close whose sum was opened, which the grid follows from; zero when there is none.
  ///
  /// A close is the coordinator's word. With its hash in here, a coordinator that signs two gets masks that do not cancel:
  /// otherwise a finer grid for one participant than for the others would leave the sum with that one's update.
  public var gridClose: Digest
  /// Unix time after which the coordinator abandons the round.
  public var deadlineSeconds: UInt64

  public init(
    protocolVersion: UInt16 = RoundPlan.currentVersion, kind: RoundKind, run: String, roundID: UInt64,
    minimumSurvivors: UInt16, assumedColluders: UInt16, maximumLost: UInt16 = RoundPlan.thresholdDecides,
    targetError: Double, clipNorm: Double, dimension: UInt32, maximumWeight: UInt32, weightRule: UInt8,
    tailLanes: UInt32, metricScale: Double, privacy: String = "none", trainer: Digest, modelIn: Digest,
    gridClose: Digest = .zero, deadlineSeconds: UInt64
  ) {
    self.protocolVersion = protocolVersion
    self.kind = kind
    self.run = run
    self.roundID = roundID
    self.minimumSurvivors = minimumSurvivors
    self.assumedColluders = assumedColluders
    self.maximumLost = maximumLost
    self.targetError = targetError
    self.clipNorm = clipNorm
    self.dimension = dimension
    self.maximumWeight = maximumWeight
    self.weightRule = weightRule
    self.tailLanes = tailLanes
    self.metricScale = metricScale
    self.privacy = privacy
    self.trainer = trainer
    self.modelIn = modelIn
    self.gridClose = gridClose
    self.deadlineSeconds = deadlineSeconds
  }

  /// The bytes that are hashed and signed: `fsa1` as a string, the version, one byte for the kind of round, then the
  /// fields in the order above. The kind stands there because a count, a sum and an update under one key would be
  /// three different messages with one meaning of `dimension`.
  public var canonicalBytes: [UInt8] {
    var encoding = CanonicalBytes()
    encoding.append("fsa1")
    encoding.append(protocolVersion)
    encoding.append(kind.rawValue)
    encoding.append(run)
    encoding.append(roundID)
    encoding.append(minimumSurvivors)
    encoding.append(assumedColluders)
    encoding.append(maximumLost)
    encoding.append(targetError)
    encoding.append(clipNorm)
    encoding.append(dimension)
    encoding.append(maximumWeight)
    encoding.append(weightRule)
    encoding.append(tailLanes)
    encoding.append(metricScale)
    encoding.append(privacy)
    encoding.append(trainer)
    encoding.append(modelIn)
    encoding.append(gridClose)
    encoding.append(deadlineSeconds)
    return encoding.bytes
  }

  /// planHash: H("fsa1/plan", plan).
  public var hash: Digest { Digest(label: "fsa1/plan", canonicalBytes) }

  /// Refuses a plan that no round can be run by, whoever sent it.
  public func validate() throws(AveragingError) {
    guard protocolVersion == Self.currentVersion else {
      throw .protocolVersion(expected: Self.currentVersion, found: protocolVersion)
    }
    let floor = max(3, Int(assumedColluders) + 2)
    guard minimumSurvivors >= floor else {
      throw .impossiblePlan("minimum survivors is \(minimumSurvivors), expected at least \(floor)")
    }
    guard clipNorm.isFinite, clipNorm >= 0, targetError.isFinite, targetError >= 0, metricScale.isFinite else {
      throw .impossiblePlan("clip norm, target error and metric scale must be finite")
    }
    guard maximumWeight >= 1 else { throw .impossiblePlan("maximum weight is 0, expected at least 1") }
    guard weightRule <= 1 else { throw .impossiblePlan("weight rule is \(weightRule), expected 0 or 1") }
    switch kind {
    case .update:
      guard dimension > 0, tailLanes > 0, clipNorm > 0, targetError > 0 else {
        throw .impossiblePlan("an update round needs coordinates, a tail, a clip norm and a target error")
      }
    case .counts, .moments:
      guard dimension > 0, tailLanes == 0 else {
        throw .impossiblePlan(
          "a statistics round has \(dimension) lanes and \(tailLanes) tail lanes, expected some and 0")
      }
    case .evaluation:
      guard dimension == 0, tailLanes > 0 else {
        throw .impossiblePlan("an evaluation round has a tail and no coordinates")
      }
    }
  }
}

/// A plan under its coordinator's signature.
public struct SignedRoundPlan: Hashable, Codable, Sendable {
  public var plan: RoundPlan
  @Base64 public var signature: [UInt8]

  public init(plan: RoundPlan, signature: [UInt8]) {
    self.plan = plan
    self.signature = signature
  }

  public init(_ plan: RoundPlan, signer: IdentitySigner) throws(AveragingError) {
    self.init(plan: plan, signature: try signer.sign(label: "fsa1/sig/plan", plan.canonicalBytes))
  }

  public func isSigned(by coordinator: IdentityKey) -> Bool {
    coordinator.verify(signature, label: "fsa1/sig/plan", plan.canonicalBytes)
  }
}
