import Foundation

/// How often each of some values occurred, and how far that is from all of them being equally likely.
struct Occurrences {
  /// A deviation that no uniform source shows in a million drills.
  static let tolerated = 6.0

  private(set) var counts: [Int]

  init(cells: Int) { counts = [Int](repeating: 0, count: cells) }

  mutating func add(_ cell: Int) { counts[cell] += 1 }

  mutating func add(_ bytes: [UInt8]) { for byte in bytes { counts[Int(byte)] += 1 } }

  var total: Int { counts.reduce(0, +) }

  /// Pearson's chi-square against equal probabilities, as a standard normal deviate: too even a spread is as suspicious as
  /// an uneven one.
  ///
  /// Source: Wilson and Hilferty, "The Distribution of Chi-Square", PNAS 17 (1931).
  var deviation: Double {
    let expected = Double(total) / Double(counts.count)
    let freedom = Double(counts.count - 1)
    let chiSquare = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    let spread = 2 / (9 * freedom)
    return (cbrt(chiSquare / freedom) - (1 - spread)) / spread.squareRoot()
  }

  /// Whether they look uniform, given at least five expected of each.
  func verdict(of what: String, participants: Int) -> Verdict {
    let deviation = deviation
    var verdict = Verdict(
      seen: "\(total) \(what), \((deviation * 10).rounded() / 10) sigma off uniform", participants: participants)
    if total < 5 * counts.count { verdict.complain("only \(total) \(what) came") }
    if !(abs(deviation) <= Self.tolerated) { verdict.complain("\(what) lie \(deviation) sigma off uniform") }
    return verdict
  }
}
