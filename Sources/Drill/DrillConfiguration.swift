import Documents
import Federation
public import Participation
import SecureAggregation

/// What the drill's participants are configured with: the bounds of one policy, and the cohort that these bounds ask for.
public struct DrillConfiguration: Sendable {
  /// The bounds that every participant of the drill has. Its plans and the fingerprints of its peers do not count: the drill
  /// has a plan and peers of its own.
  public private(set) var bounds: NodePolicy
  /// n: the fewest participants with which these bounds allow a round that loses one of them, and at least five.
  public let participants: Int

  /// nMin of the drill's plan.
  let minimumSurvivors: Int
  /// c of the drill's plan.
  let assumedColluders: Int

  /// The bounds that the documentation recommends: peers are known by fingerprints, and two of them must be there.
  public static let recommended = try! DrillConfiguration(
    bounds: NodePolicy(
      minimumCohort: 4, assumedColluders: 1, minimumKnownPeers: 2), knownPeers: .max)

  /// The bounds of a node's own policy.
  public init(policy: NodePolicy) throws(DrillError) {
    try self.init(bounds: policy, knownPeers: policy.peers.count)
  }

  /// How many of the others each participant knows by their fingerprints.
  let knownPeers: Int

  private init(bounds: NodePolicy, knownPeers: Int) throws(DrillError) {
    let colluders = max(1, bounds.assumedColluders)
    func survivors(of count: Int) -> Int {
      max(
        bounds.minimumCohort, colluders + 2, Thresholds.threshold(participants: count, assumedColluders: colluders))
    }
    // One may be lost, and the others still know enough of those who are left.
    let sizes = 5...Thresholds.largestCohort - 1
    guard
      let size = sizes.first(where: { survivors(of: $0) < $0 && bounds.minimumKnownPeers <= $0 - 2 })
    else { throw .noCohort(minimumCohort: bounds.minimumCohort, colluders: colluders) }
    self.bounds = bounds
    // The drill's plan has no formal privacy: a budget would refuse it before any attack.
    self.bounds.privacyBudget = nil
    participants = size
    assumedColluders = colluders
    minimumSurvivors = survivors(of: size)
    self.knownPeers = min(knownPeers, size - 2)
  }

  /// The plan that every participant allows: a small table, as its owner would have previewed it.
  func plan() throws -> RunPlan {
    let text = """
      name: drill
      model: {family: table, hidden: []}
      schema:
        columns:
          - {name: age, type: number, range: [0, 100]}
          - {name: pressure, type: number, range: [50, 250], missing: [0]}
          - {name: pain, type: category, values: [none, some, strong]}
        label: {name: sick, values: ["0", "1"]}
        fold: fold
        ignore: [id]
      training: {optimizer: sgd, learningRate: 0.5, epochs: 2}
      rounds: 2
      cohort: {size: \(participants), minimumSurvivors: \(minimumSurvivors), assumedColluders: \(assumedColluders)}
      update: {clipNorm: \(min(5, bounds.maximumClipNorm)), maximumWeight: 32}
      evaluation: {fold: 0}
      """
    return try StrictYAML.decode(RunPlan.self, from: text, file: "drill.yaml")
  }

  /// Plans that are each weaker than the bounds in one way, and the refusal that each must meet.
  func weakerPlans() throws -> [(plan: RunPlan, refusal: Refusal)] {
    let plan = try plan()
    var weaker: [(RunPlan, Refusal)] = []
    func add(_ refusal: Refusal, _ change: (inout RunPlan) -> Void) throws {
      var other = plan
      change(&other)
      // A plan that no cohort could carry out is refused for that.
      if (try? other.validate()) != nil { weaker.append((other, refusal)) }
    }
    let (survivors, colluders) = (bounds.minimumCohort - 1, bounds.assumedColluders - 1)
    try add(.cohortTooSmall(plan: survivors, policy: bounds.minimumCohort)) { $0.cohort.minimumSurvivors = survivors }
    try add(.tooFewColluders(plan: colluders, policy: bounds.assumedColluders)) {
      $0.cohort.assumedColluders = colluders
    }
    let clipNorm = 2 * bounds.maximumClipNorm
    try add(.clipNormTooLarge(plan: clipNorm, policy: bounds.maximumClipNorm)) { $0.update.clipNorm = clipNorm }
    return weaker
  }

  /// Names in ascending order, which is the order of ranks.
  var names: [String] {
    (1...participants).map { number in
      let digits = String(number)
      return "hospital-" + String(repeating: "0", count: String(participants).count - digits.count) + digits
    }
  }
}
