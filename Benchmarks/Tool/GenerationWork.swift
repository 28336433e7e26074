import Models

/// Greedy generation from a text of some sixty tokens.
///
///     generation --model FILE.gguf --tokens 64
///
/// A step is one token after the first: reading the prompt, which gives the first, is not timed. Choosing each token and
/// making text of it is.
enum GenerationWork {
  private static let prompt = """
    In the beginning of the nineteenth century most people lived in villages and worked on the land. Within a hundred
    years this had changed. Railways, factories and new machines brought millions into the growing towns, where work was
    hard and houses were poor. The most important reasons for this change were the following.
    """

  static func run(_ options: Options) throws {
    let count: Int = try options.value("tokens")
    let generator = try Generator(base: BaseModel.open(options.text("model")))
    var laps = Laps()
    while true {
      var isFirst = true
      let generation = try generator.generate(.text(prompt), maximumTokens: count + 1) { _ in
        if isFirst { laps.restart() }
        isFirst = false
        return true
      }
      guard generation.tokens.count > count / 2 else { throw Mistake.endedEarly(tokens: generation.tokens.count) }
      laps.lap(steps: generation.tokens.count - 1)
    }
  }

  private enum Mistake: Error, CustomStringConvertible {
    case endedEarly(tokens: Int)

    var description: String {
      switch self {
      case .endedEarly(let tokens): "the model ended after \(tokens) tokens, too few to measure"
      }
    }
  }
}
