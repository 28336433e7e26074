extension Tokenizer {
  /// A text in at most `maximum` ids: if it has more, its own last ids are left out, and those of the template stay.
  ///
  /// - Precondition: `maximum` is at least `addedSpecialTokens`.
  public func encode(_ text: String, atMost maximum: Int) -> (ids: [Int32], isTruncated: Bool) {
    precondition(maximum >= addedSpecialTokens)
    var ids = encode(text)
    guard ids.count > maximum else { return (ids, false) }
    let end = ids.count - template.after.count
    ids.removeSubrange(end - (ids.count - maximum)..<end)
    return (ids, true)
  }
}
