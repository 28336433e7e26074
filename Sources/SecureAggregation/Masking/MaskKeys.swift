/// The three keys of one mask: for the vector, the tail and the statistics, each under its own label.
struct MaskKeys {
  let vector: Secret
  let tail: Secret
  let statistics: Secret

  /// The mask that only the participant knows, from its secret b.
  static func own(_ secret: Secret, rank: Int, transcript: Digest) -> MaskKeys {
    MaskKeys(secret, "fsa1/self", transcript, UInt16(rank), nil)
  }

  /// The mask that two participants share, from the product of their mask keys. The lower rank adds it and the higher
  /// subtracts it.
  static func pair(_ product: Secret, _ a: Int, _ b: Int, transcript: Digest) -> MaskKeys {
    MaskKeys(product, "fsa1/pair", transcript, UInt16(min(a, b)), UInt16(max(a, b)))
  }

  private init(_ secret: Secret, _ label: String, _ transcript: Digest, _ first: UInt16, _ second: UInt16?) {
    func key(_ suffix: String) -> Secret {
      let info =
        if let second { derivation(label + suffix, first, second) } else { derivation(label + suffix, first) }
      return secret.derive(salt: transcript.bytes, info: info)
    }
    vector = key("")
    tail = key("-tail")
    statistics = key("-stat")
  }
}
