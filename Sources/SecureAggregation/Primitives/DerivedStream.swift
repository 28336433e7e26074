extension Primitives {
  /// The first `count` bytes of AES-256-CTR under HKDF(key, label ‖ context): a round's public signs, or a node's own coins.
  public static func stream(
    _ count: Int, key: [UInt8], label: String, context: [UInt8]
  ) throws(AveragingError) -> [UInt8] {
    var streamKey = hkdf(key: key, info: labelled(label, context))
    defer { cleanse(&streamKey) }
    return try keystream(key: streamKey, count: count)
  }
}
