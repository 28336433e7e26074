import Texts

/// The candidate that was probably meant by a mistyped word, for hints.
public func nearest(_ word: String, in candidates: [String]) -> String? {
  Texts.nearest(word, in: candidates)
}
