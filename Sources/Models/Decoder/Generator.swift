import Kernels
import Schemas
import Tensors
import Tokenizers

/// Continues texts with a decoder, token by token.
///
/// Weights are read once; a prompt is read in few passes and each token after it in one. Not for two threads at a time.
public final class Generator {
  public enum Prompt: Sendable, Hashable {
    /// Continued as it is.
    case text(String)
    /// Asked as in training: one turn of a user.
    case question(String)
    /// A conversation by the model's chat template.
    case chat([ChatTemplate.Message])
  }

  public struct Generation: Sendable, Hashable {
    public enum End: Sendable, Hashable {
      /// The model ended its turn or the text.
      case stopToken
      /// As many tokens as were asked for.
      case limit
      /// The generator's longest text.
      case contextFull
      /// The caller wanted no more.
      case stopped
    }

    public var text: String
    public var tokens: [Int32]
    public var promptTokens: Int
    public var end: End
  }

  /// The longest text, prompt included, unless a generator is told otherwise.
  public static let usualTokens = 2048

  public let tokenizer: Tokenizer
  private let prompt: ChatPrompt
  private let decoder: InferenceDecoder
  private let stopTokens: Set<Int32>

  /// - Parameters:
  ///   - training: With `parameters`, adapters of that training, which are merged into the weights.
  ///   - longestText: In tokens, prompt included; at most what the model was made for.
  public init(
    base: BaseModel, training: LanguageTraining? = nil, parameters: Parameters? = nil,
    precision: InferencePrecision = .eightBits, longestText: Int? = nil, threads: ThreadPool = .shared
  ) throws(ModelError) {
    guard case .decoder(let shape) = base.shape else {
      throw .unsupportedModel(file: base.path, what: "generation by an encoder")
    }
    let longest = min(longestText ?? Self.usualTokens, shape.positions)
    guard longest >= 2 else {
      throw .badSetting(name: "the longest text", expected: "at least 2 tokens", found: "\(longest)")
    }
    tokenizer = try base.tokenizer()
    prompt = try ChatPrompt(base)
    stopTokens = Set([prompt.endOfTurn, tokenizer.specials.end].compactMap(\.self))
    let context = ComputeContext(threads: threads)
    if let training, let parameters {
      guard training.shape == base.shape else { throw .otherBaseModel }
      guard parameters.layout == training.layout else {
        throw .wrongShape(what: "parameters", expected: training.layout.count, found: parameters.layout.count)
      }
      let merged = MergedWeights(base, training, parameters)
      decoder = try InferenceDecoder(
        shape, weights: merged,
        blocks: { (name) throws(ModelError) in merged.isChanged(name) ? nil : try base.quantised(name) },
        precision: precision, tokens: longest, context: context)
    } else {
      decoder = try InferenceDecoder(
        shape, weights: base, blocks: base.quantised, precision: precision, tokens: longest, context: context)
    }
  }

  /// - Parameters:
  ///   - maximumTokens: Of what is generated, the token that ends it included.
  ///   - each: Gets the text piece by piece, whole characters as soon as they are certain; false ends the generation.
  /// - Throws: `.wrongShape` for a prompt that leaves no room for an answer.
  @discardableResult
  public func generate(
    _ prompt: Prompt, maximumTokens: Int = 256, sampling: Sampling = .greedy,
    each: (String) -> Bool = { _ in true }
  ) throws(ModelError) -> Generation {
    try sampling.validate()
    let ids = self.prompt.tokens(try text(prompt))
    guard !ids.isEmpty, ids.count < decoder.longestText else {
      throw .wrongShape(what: "tokens of the prompt", expected: decoder.longestText - 1, found: ids.count)
    }
    var sampler = Sampler(sampling)
    var decoding = tokenizer.streamingDecoder()
    var result = Generation(text: "", tokens: [], promptTokens: ids.count, end: .limit)
    decoder.cache.removeAll()
    var next = ids
    while result.tokens.count < maximumTokens {
      guard decoder.cache.count + next.count <= decoder.longestText else {
        result.end = .contextFull
        break
      }
      let token = sampler.token(from: decoder.read(next).span)
      if stopTokens.contains(token) {
        result.end = .stopToken
        break
      }
      result.tokens.append(token)
      next = [token]
      let piece = decoding.append(token)
      result.text += piece
      if !piece.isEmpty, !each(piece) {
        result.end = .stopped
        return result
      }
    }
    let rest = decoding.finish()
    result.text += rest
    if !rest.isEmpty { _ = each(rest) }
    return result
  }

  private func text(_ prompt: Prompt) throws(ModelError) -> String {
    switch prompt {
    case .text(let text): text
    case .question(let question): try self.prompt.text(question)
    case .chat(let messages): try self.prompt.text(messages)
    }
  }
}
