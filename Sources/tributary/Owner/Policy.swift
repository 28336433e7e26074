import ArgumentParser
import Federation
import Participation
import SecureAggregation

struct Policy: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "See and change what this node may take part in.",
    subcommands: [Show.self, Allow.self, Disallow.self, Peers.self, Resume.self, Retry.self],
    defaultSubcommand: Show.self)

  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the policy.")
    @OptionGroup var home: HomeOptions
    @OptionGroup var options: OutputOptions

    func run() throws {
      try options.output.print(try NodeHome(path: home.path).policy()) { PolicyLines.text($0) }
    }
  }

  struct Allow: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Allow a plan, or every plan of a template.",
      discussion: "`tributary plan check` and `tributary preview` print the digests.")

    @Argument(help: "The digest of the plan, or of the template when --free is given.")
    var digest: String
    @Option(
      name: .customLong("free"),
      help: ArgumentHelp("A key that the template leaves free. Repeatable.", valueName: "key"))
    var free: [String] = []
    @OptionGroup var home: HomeOptions
    @OptionGroup var options: OutputOptions

    func run() throws {
      let node = NodeHome(path: home.path)
      try node.allow(digest, free: free)
      try options.output.print(try node.policy()) { PolicyLines.text($0) }
    }
  }

  struct Disallow: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take a plan or template off the policy; from the next round on this node declines it.")

    @Argument(help: "The digest as `tributary policy` prints it.")
    var digest: String
    @OptionGroup var home: HomeOptions
    @OptionGroup var options: OutputOptions

    func run() throws {
      let node = NodeHome(path: home.path)
      try node.disallow(digest)
      try options.output.print(try node.policy()) { PolicyLines.text($0) }
    }
  }

  struct Peers: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Keep the owners whose fingerprints reached you by another way than through the coordinator.",
      subcommands: [Add.self, Remove.self, Require.self])

    struct Add: ParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Add a known peer by its fingerprint.")
      @Argument(help: "The fingerprint, as `tributary join` prints it on the peer's node.")
      var fingerprint: String
      @Option(help: "The peer's name; a round that shows the key under another name is then refused.")
      var name: String?
      @OptionGroup var home: HomeOptions
      @OptionGroup var options: OutputOptions

      func run() throws {
        let node = NodeHome(path: home.path)
        try node.addPeer(fingerprint: fingerprint, name: name)
        try options.output.print(try node.policy()) { PolicyLines.text($0) }
      }
    }

    struct Remove: ParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Remove a known peer.")
      @Argument(help: "The fingerprint.")
      var fingerprint: String
      @OptionGroup var home: HomeOptions
      @OptionGroup var options: OutputOptions

      func run() throws {
        let node = NodeHome(path: home.path)
        try node.removePeer(fingerprint: fingerprint)
        try options.output.print(try node.policy()) { PolicyLines.text($0) }
      }
    }

    struct Require: ParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Take part only in rounds that hold at least so many of the known peers.")
      @Argument(help: "How many, this node not counted.")
      var count: Int
      @OptionGroup var home: HomeOptions
      @OptionGroup var options: OutputOptions

      func run() throws {
        let policy = try NodeHome(path: home.path).changePolicy { $0.minimumKnownPeers = count }
        try options.output.print(policy) { PolicyLines.text($0) }
      }
    }
  }

  struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take part again after an attack locked this node; repeats what had happened.")
    @Option(help: "Forget a peer's pinned key, when it has changed for a reason that you know.")
    var forget: String?
    @OptionGroup var home: HomeOptions
    @OptionGroup var options: OutputOptions

    struct Resumed: Encodable { let attack: String }

    func run() throws {
      let attack = try NodeHome(path: home.path).resume(forgetting: forget)
      try options.output.print(Resumed(attack: attack)) { "takes part again; what had happened: \($0.attack)" }
    }
  }

  struct Retry: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "See what one more answer for the same model could reveal, and allow it with --allow.",
      discussion: "Only the question with that digest is allowed: one roster, or one set of survivors of it.")
    @Option(help: ArgumentHelp("Allow the question with this digest.", valueName: "digest"))
    var allow: String?
    @OptionGroup var home: HomeOptions
    @OptionGroup var options: OutputOptions

    struct Asked: Encodable {
      let digest: Digest
      let question: RetryQuestion
      let allowed: Bool
    }

    func run() throws {
      let node = NodeHome(path: home.path)
      let asked: Asked
      if let allow {
        let question = try node.allowRetry(allow)
        asked = Asked(digest: question.digest, question: question, allowed: true)
      } else {
        guard let question = try node.retryQuestion() else { throw ParticipationError.nothingToRetry }
        asked = Asked(digest: question.digest, question: question, allowed: false)
      }
      try options.output.print(asked) { asked in
        asked.allowed
          ? "allowed: \(asked.question)"
          : "\(asked.question)\nallow this, and nothing else, with: tributary policy retry --allow \(asked.digest)"
      }
    }
  }
}

/// A policy in lines for people.
enum PolicyLines {
  static func text(_ policy: NodePolicy) -> String {
    var lines = policy.plans.isEmpty ? ["allows no plan: this node takes part in nothing"] : ["allows"]
    for plan in policy.plans {
      lines.append("  \(plan.digest)" + (plan.free.isEmpty ? "" : "  free: \(plan.free.joined(separator: ", "))"))
    }
    lines.append(
      "at least \(policy.minimumCohort) organisations in a sum, \(policy.assumedColluders) assumed colluders,"
        + " clip norm at most \(policy.maximumClipNorm), at most \(policy.maximumBits) bits a coordinate"
        + (policy.allowClear ? "; ALLOWS plans without masks" : ""))
    if policy.peers.isEmpty {
      lines.append("knows no peers: the coordinator alone vouches for the others, and could invent them")
    } else {
      lines.append("knows \(policy.peers.count) peers, at least \(policy.minimumKnownPeers) of them in every round")
      lines += policy.peers.map { "  \($0.fingerprint)" + ($0.name.map { "  \($0)" } ?? "") }
    }
    return lines.joined(separator: "\n")
  }
}
