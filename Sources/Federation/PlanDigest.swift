import Documents
public import SecureAggregation

/// A plan's digest names exactly one plan; a template's digest names all plans that differ only in the listed free keys.
extension RunPlan {
  /// The keys that an owner may leave free: they choose among the owner's own rows, or name the run; none widens what leaves.
  public static let freeableKeys = ["evaluation.fold", "name", "seed"]

  /// Sorted-key JSON with every default written out: what travels to participants and what `digest()` is taken over.
  public var canonicalBytes: [UInt8] {
    get throws(FederationError) { try encoded(without: []) }
  }

  /// Reads a plan as it travels, refuses unknown keys, and validates it.
  public init(canonicalBytes: [UInt8]) throws(FederationError) {
    do {
      self = try CanonicalJSON.decode(RunPlan.self, from: canonicalBytes)
    } catch {
      throw .malformedPlan("\(error)")
    }
    try validate()
  }

  public func digest() throws(FederationError) -> Digest {
    Digest(label: "tributary/plan", try canonicalBytes)
  }

  /// The digest of the template that this plan is an instance of when the keys in `free` may take any value.
  public func digest(leavingFree free: [String]) throws(FederationError) -> Digest {
    if free.isEmpty { return try digest() }
    for key in free where !Self.freeableKeys.contains(key) { throw .keyNotFree(key) }
    let keys = Set(free).sorted()
    let list = Array(keys.joined(separator: ",").utf8)
    return Digest(label: "tributary/plan-template", list + [0] + (try encoded(without: keys)))
  }

  private func encoded(without keys: [String]) throws(FederationError) -> [UInt8] {
    do {
      return try CanonicalJSON.encode(self, without: keys)
    } catch {
      throw .malformedPlan("\(error)")
    }
  }
}
