import Documents
public import Federation
public import Models
import Privacy
public import Schemas
public import SecureAggregation

/// What taking part in a plan would mean for this node, worked out from its own rows before anything leaves.
///
/// Made on the node and for its owner's eyes: rows are read here, and nothing of them is sent to anyone.
public struct Preview: Sendable, Hashable, Codable {
  public struct Node: Sendable, Hashable, Codable {
    public var name: String
    public var organisation: String
    /// Of the averaging key, to be passed to other owners.
    public var fingerprint: String
    /// The file with the rows.
    public var data: String
  }

  public struct Plan: Sendable, Hashable, Codable {
    public var name: String
    public var digest: Digest
    /// The digest of all plans that differ from this one only in `freeKeys`.
    public var template: Digest?
    public var freeKeys: [String]
    public var allowed: Bool
    /// Why the policy refuses it, and what to type.
    public var refusal: String?
    public var hint: String?
  }

  public struct Model: Sendable, Hashable, Codable {
    /// The checkpoint that a run of the plan starts from.
    public var digest: Digest
    /// `table`, `encoder` or `decoder`.
    public var family: String
    /// Of a table, if every column is kept.
    public var inputs: Int?
    public var hidden: [Int]?
    /// Of a language model.
    public var base: BaseReference?
    public var method: String?
    public var maximumTokens: Int?
    /// Those that are trained, and sent.
    public var parameters: Int
    public var classes: [String]
  }

  public struct Cohort: Sendable, Hashable, Codable {
    public var size: Int
    public var minimumSurvivors: Int
    public var assumedColluders: Int
    public var threshold: Int
    /// In the smallest sum that may be opened: how many other organisations' values a reader would have to take away.
    public var hiddenAmong: Int
    public var knownPeers: Int
    public var minimumKnownPeers: Int
    public var exampleWeights: Bool
    /// Whether the coordinator learns sums alone.
    public var masks: Bool
  }

  public var node: Node
  public var plan: Plan
  public var rows: RowReport
  /// The rows that metrics are taken from: held-out rows, or training rows when none are held out.
  public var measuresHeldOutRows: Bool
  public var model: Model
  public var cohort: Cohort
  /// What training takes on this machine; of a language model.
  public var training: TrainingForecast?
  /// What a run of the plan would cost of the rows' privacy; nil without formal privacy.
  public var privacy: PrivacyForecast?
  /// The rounds of a run that none is abandoned of, in their order.
  public var leaving: [LeavingRound]
  /// The models that come.
  public var arriving: ArrivingModels
  /// What masks do not change, in words.
  public var caveats: [String]

  /// Bytes that leave in the whole run.
  public var totalBytes: Int
}

extension Preview.Model {
  fileprivate init(_ plan: RunPlan) throws(FederationError) {
    digest = try plan.genesisDigest()
    parameters = plan.model.family.largestParameterCount
    switch plan.model {
    case .table(let table):
      family = "table"
      inputs = table.widestNetwork.inputs
      hidden = table.hidden
      classes = table.schema.label.values
    case .language(let language):
      family = language.shape.family.rawValue
      base = language.base
      method = language.method.rawValue
      maximumTokens = language.maximumTokens
      classes = if case .label(let label) = language.schema.target { label.values } else { [] }
    }
  }
}

extension Preview {
  /// Reads the node's rows under the plan's schema and works out the rest.
  ///
  /// - Throws: `.rows` for a file that is missing or does not fit the schema; nothing has left then.
  public static func make(plan: RunPlan, home: NodeHome) throws(ParticipationError) -> Preview {
    let settings = try home.settings()
    let policy = try home.policy()
    let keys = try home.keys()
    let source = try home.rowSource()
    let rows = try source.read(plan)
    do {
      let digest = try plan.digest()
      let refusal = try policy.refusal(of: plan)
      let free = plan.evaluation.fold == nil ? [] : ["evaluation.fold"]
      let template = free.isEmpty ? nil : try plan.digest(leavingFree: free)
      let smallest = plan.cohort.minimumSurvivors
      let leaving = LeavingRound.rounds(of: plan)
      // Owners pass one list around, so that a node's own key may be on it: it knows nobody by that.
      let knownPeers = policy.peers.filter { $0.fingerprint != keys.averaging.publicKey }.count
      return Preview(
        node: Node(
          name: settings.name, organisation: settings.organisation ?? "",
          fingerprint: keys.averaging.publicKey.fingerprint, data: source.data),
        plan: Plan(
          name: plan.name, digest: digest, template: template,
          freeKeys: free, allowed: try policy.allows(plan), refusal: refusal?.description,
          hint: refusal.flatMap { Self.hint(to: $0, template: template, free: free) }),
        rows: rows.report, measuresHeldOutRows: rows.report.heldOutRows > 0,
        model: try Model(plan),
        cohort: Cohort(
          size: plan.cohort.size, minimumSurvivors: smallest, assumedColluders: plan.cohort.assumedColluders,
          threshold: plan.cohort.threshold,
          hiddenAmong: smallest - 1, knownPeers: knownPeers, minimumKnownPeers: policy.minimumKnownPeers,
          exampleWeights: plan.update.weights == .examples, masks: plan.averaging == .secure),
        training: try TrainingForecast(rows, plan: plan, home: home),
        privacy: try PrivacyForecast(plan, rows: rows.report, ledger: home.ledger(), budget: policy.privacyBudget),
        leaving: leaving, arriving: ArrivingModels(of: plan),
        caveats: caveats(plan: plan, knownPeers: knownPeers, rows: rows.report),
        totalBytes: leaving.reduce(0) { $0 + $1.totalBytes })
    } catch let error as PrivacyError {
      throw .document(message: error.description, hint: error.hint)
    } catch let error as any HintedError {
      throw .document(message: error.description, hint: error.hint)
    } catch let error as ModelError {
      throw .rows(message: error.description, hint: error.hint)
    } catch {
      throw .document(message: "\(error)", hint: nil)
    }
  }

  /// What to type; this page is what the refusal's own hint sends an owner to.
  private static func hint(to refusal: Refusal, template: Digest?, free: [String]) -> String? {
    guard case .planNotAllowed(let digest) = refusal else { return refusal.hint }
    guard let template else { return "tributary policy allow \(digest)" }
    let keys = free.map { " --free \($0)" }.joined()
    return "tributary policy allow \(template)\(keys), or this one plan: tributary policy allow \(digest)"
  }

  /// What an owner should know that the numbers do not say.
  private static func caveats(plan: RunPlan, knownPeers: Int, rows: RowReport) -> [String] {
    var caveats: [String] = []
    if plan.averaging == .clear {
      caveats.append(
        "no masks: the coordinator reads your updates, row count and metrics, and can try to rebuild rows from them")
    }
    let others = plan.cohort.minimumSurvivors - 1
    if plan.privacy == .none, plan.averaging == .clear {
      caveats.append("no formal privacy; nobody hides you")
    } else if plan.privacy == .none, others < 10 {
      caveats.append("no formal privacy; \(others) others hide you")
    } else if plan.privacy == .none {
      caveats.append("no formal privacy: at least \(others) others hide you, and the sum itself may tell something")
    } else {
      caveats.append(
        "formal privacy is that of each training row in the updates; measures of held-out rows are exact\(plan.averaging == .clear ? "" : " sums")"
          + (plan.model.family.statistics.isEmpty ? "" : ", and so are the columns' counts and moments, asked once"))
    }
    if knownPeers == 0 {
      caveats.append(
        "no peers are listed in policy.yaml: the coordinator alone vouches for the others and could invent them")
    }
    if plan.update.weights == .examples {
      caveats.append(
        "weights: examples: a weight is static, so when survivors change between rounds the difference of the published "
          + "totals is the weight of those who left; weights: uniform avoids it")
    }
    if rows.trainingRows == 0 { caveats.append("no row is left to train on: this node cannot take part") }
    if rows.heldOutRows == 0 {
      caveats.append("no row is held out: the model is measured on the rows that it was trained on")
    }
    if case .language(let language) = plan.model, language.method != .head {
      caveats.append(
        "a language model can repeat what it was trained on: do not train on texts that nobody else may ever read")
    }
    let seen = rows.duplicates.heldOutSeenInTraining.count
    if seen > 0 {
      caveats.append("\(seen) held-out rows stand among the training rows too: measures will flatter the model")
    }
    return caveats
  }
}
