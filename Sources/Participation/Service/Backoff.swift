/// How long to wait before the next try: twice as long after each failure up to a limit, and never quite the same for two
/// nodes, so that they do not all come back at once.
struct Backoff: Sendable {
  let first: Duration
  let longest: Duration
  private var next: Duration

  init(first: Duration = .milliseconds(250), longest: Duration = .seconds(15)) {
    self.first = first
    self.longest = longest
    next = first
  }

  /// - Parameter chance: From 0 to 1; a half to the whole of the delay is used.
  mutating func delay(chance: Double = .random(in: 0...1)) -> Duration {
    let delay = next * (0.5 + chance / 2)
    next = min(longest, next * 2)
    return delay
  }

  mutating func reset() { next = first }
}
