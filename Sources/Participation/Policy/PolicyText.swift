/// `policy.yaml` as text: how each key is written and explained, and how one key is changed without touching the rest.
///
/// The file is the owner's: comments and order stay as they are, and a command rewrites only the keys whose values it
/// changes.
struct PolicyText: Sendable, Equatable {
  private(set) var text: String

  init(_ text: String) { self.text = text }

  /// A new file: every key with what it means.
  init(_ policy: NodePolicy) {
    let entry = Self.entries(of: policy)
    text =
      """
      # What this node may take part in. The node obeys this file whatever the coordinator asks for, and reads it anew
      # before every round. Nothing is allowed until a plan stands under plans:.

      # Plans that may use your rows: tributary preview shows what one would do, tributary policy allow DIGEST adds it.
      # With free: [evaluation.fold] the digest is a template's, and that key may take any value.
      \(entry.plans)

      # No sum over fewer organisations than this may be opened (at least 3).
      \(entry.minimumCohort)

      # A plan must hold even if this many participants work together with the coordinator.
      \(entry.assumedColluders)

      # The largest L2 norm that an update of yours may have, and the most bits that one of its coordinates may take.
      \(entry.maximumClipNorm)
      \(entry.maximumBits)

      # Whether a plan may leave masks out (averaging: clear), so that the coordinator reads every update of yours.
      \(entry.allowClear)

      # Other owners' nodes, by fingerprints that you got from them and not from the coordinator:
      #   - {name: north, fingerprint: ...}
      # A round must hold at least minimumKnownPeers of them. With none, the coordinator alone vouches for the others.
      \(entry.peers)
      \(entry.minimumKnownPeers)

      # What all your updates together may reveal about any one row. With a budget, a round that would exceed it is
      # declined, and so is a plan without formal privacy. As {epsilon: 8.0, delta: 0.000001}; null is no budget.
      \(entry.privacyBudget)

      """
  }

  /// Writes the keys in which `new` differs from `old`; one that was left out is added at the end.
  mutating func change(from old: NodePolicy, to new: NodePolicy) {
    for (before, after) in zip(Self.entries(of: old).inOrder, Self.entries(of: new).inOrder) where before != after {
      replace(key: String(after.prefix { $0 != ":" }), with: after)
    }
  }

  /// Replaces a top-level key and the indented or list lines below it; comments above and below stay.
  private mutating func replace(key: String, with entry: String) {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let start = lines.firstIndex(where: { $0.hasPrefix(key + ":") }) else {
      if lines.last == "" { lines.removeLast() }
      text = (lines + [entry, ""]).joined(separator: "\n")
      return
    }
    var end = start + 1
    while end < lines.count, let first = lines[end].first, first == " " || first == "-" || first == "]" || first == "}"
    {
      end += 1
    }
    lines.replaceSubrange(start..<end, with: [entry])
    text = lines.joined(separator: "\n")
  }

  /// The lines of each key.
  private struct Entries {
    var plans, minimumCohort, assumedColluders, maximumClipNorm, maximumBits, allowClear, peers: String
    var minimumKnownPeers, privacyBudget: String

    var inOrder: [String] {
      [
        plans, minimumCohort, assumedColluders, maximumClipNorm, maximumBits, allowClear, peers, minimumKnownPeers,
        privacyBudget,
      ]
    }
  }

  private static func entries(of policy: NodePolicy) -> Entries {
    Entries(
      plans: list(
        "plans",
        policy.plans.map { plan in
          "{digest: \"\(plan.digest)\"" + (plan.free.isEmpty ? "}" : ", free: [\(plan.free.joined(separator: ", "))]}")
        }),
      minimumCohort: "minimumCohort: \(policy.minimumCohort)",
      assumedColluders: "assumedColluders: \(policy.assumedColluders)",
      maximumClipNorm: "maximumClipNorm: \(policy.maximumClipNorm)",
      maximumBits: "maximumBits: \(policy.maximumBits)",
      allowClear: "allowClear: \(policy.allowClear)",
      peers: list(
        "peers",
        policy.peers.map { peer in
          (peer.name.map { "{name: \(quoted($0)), " } ?? "{") + "fingerprint: \"\(peer.fingerprint)\"}"
        }),
      minimumKnownPeers: "minimumKnownPeers: \(policy.minimumKnownPeers)",
      privacyBudget: "privacyBudget: "
        + (policy.privacyBudget.map { "{epsilon: \($0.epsilon), delta: \($0.delta)}" } ?? "null"))
  }

  private static func list(_ key: String, _ items: [String]) -> String {
    items.isEmpty ? "\(key): []" : ([key + ":"] + items.map { "  - " + $0 }).joined(separator: "\n")
  }

  /// A YAML double-quoted scalar.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": quoted += "\\" + String(scalar)
      case let control where control.value < 0x20 || control.value == 0x7f:
        quoted += "\\x" + (control.value < 16 ? "0" : "") + String(control.value, radix: 16)
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
