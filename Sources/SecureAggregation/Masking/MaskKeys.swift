/// The keys of one mask: for the vector, the tail and the statistics, each under its own label and derived when it is asked
/// for.
struct MaskKeys {
  private let secret: Secret
  private let label: String
  private let transcript: Digest
  private let first: UInt16
  private let second: UInt16?

  /// The mask that only the participant knows, from its secret b.
  static func own(_ secret: Secret, rank: Int, transcript: Digest) -> MaskKeys {
    MaskKeys(secret: secret, label: "fsa1/self", transcript: transcript, first: UInt16(rank), second: nil)
  }

  /// The mask that two participants share, from the product of their mask keys. The lower rank adds it and the higher
  /// subtracts it.
  static func pair(_ product: Secret, _ a: Int, _ b: Int, transcript: Digest) -> MaskKeys {
    MaskKeys(
      secret: product, label: "fsa1/pair", transcript: transcript, first: UInt16(min(a, b)), second: UInt16(max(a, b)))
  }

  var vector: Secret { key("") }
  var tail: Secret { key("-tail") }
  var statistics: Secret { key("-stat") }

  private func key(_ suffix: String) -> Secret {
    let info = if let second { derivation(label + suffix, first, second) } else { derivation(label + suffix, first) }
    return secret.derive(salt: transcript.bytes, info: info)
  }
}
