/// Where a specialist comes from, as its file says it under `tributary.lineage`. See `docs/specialist-format.md`.
public struct Lineage: Sendable, Hashable, Codable {
  /// One round of the run as its signed close ended it.
  public struct Close: Sendable, Hashable, Codable {
    /// The coordinator's number of the round.
    public var round: UInt64
    /// `counts`, `moments`, `update` or `evaluation`.
    public var kind: String
    /// The signed close's digest, `sha256:` and 64 digits.
    public var digest: String

    public init(round: UInt64, kind: String, digest: String) {
      self.round = round
      self.kind = kind
      self.digest = digest
    }
  }

  /// The run's identifier at its coordinator.
  public var run: String
  /// The plan's name.
  public var name: String
  /// The plan's digest, the same as the checkpoint's.
  public var plan: String
  /// The digest of the checkpoint that was exported: the same file without the lineage.
  public var checkpoint: String
  /// How many updates the model was made of.
  public var rounds: Int
  /// Every signed close of the run, in order.
  public var closes: [Close]
  /// The fingerprint of the coordinator's key, which signed the closes.
  public var coordinator: String
  /// The largest number of participants whose updates one round summed.
  public var participants: Int
  /// `secure`: the coordinator saw sums only.
  public var averaging: String
  /// `none`, or the mechanism that bounds what the model may reveal about a row.
  public var formalPrivacy: String

  public init(
    run: String, name: String, plan: String, checkpoint: String, rounds: Int, closes: [Close], coordinator: String,
    participants: Int, averaging: String = "secure", formalPrivacy: String = "none"
  ) {
    self.run = run
    self.name = name
    self.plan = plan
    self.checkpoint = checkpoint
    self.rounds = rounds
    self.closes = closes
    self.coordinator = coordinator
    self.participants = participants
    self.averaging = averaging
    self.formalPrivacy = formalPrivacy
  }
}
