import Foundation
import Schemas
import Testing
import Tokenizers

@testable import Models

@Suite("SmolLM2", .enabled(if: ModelCache.has(ModelCache.smollm2), "scripts/setup fetches the model"))
struct RealDecoderTests {
  static let sentence = """
    Aspirin, also known as acetylsalicylic acid, is a medication used to treat pain, fever and inflammation, and as an \
    antithrombotic.
    """

  /// Both values were computed with the `gguf` package and an independent forward pass in fp32.
  @Test("Perplexity and greedy continuation are those of the reference")
  func golden() throws {
    let base = try BaseModel.open(ModelCache.smollm2)
    let examples = try LanguageExamples.text(Self.sentence, tokenizer: base.tokenizer())
    #expect(examples.tokenCount == 35)
    let perplexity = try LanguageEvaluation.perplexity(of: examples, base: base)
    #expect(abs(perplexity - 10.077) < 0.005 * 10.077)

    let continuation = " Paris.\n\nThe answer is: 2018-01"
    let count = try base.tokenizer().encode(continuation).count
    let generator = try Generator(base: base, precision: .fp32, longestText: 64)
    var streamed = ""
    let generation = try generator.generate(.text("The capital of France is"), maximumTokens: count) {
      streamed += $0
      return true
    }
    #expect(generation.text == continuation && streamed == continuation)
    #expect(generation.end == .limit && generation.tokens.count == count)
  }

  /// This model's weights were rounded to 4 bits before; rounding them again to 8, and activations too, PyTorch finds 10.401.
  @Test("In eight bits the perplexity is that of PyTorch with the same rounding")
  func eightBits() throws {
    let base = try BaseModel.open(ModelCache.smollm2)
    guard case .decoder(let shape) = base.shape else { fatalError("no decoder") }
    let decoder = try InferenceDecoder(
      shape, weights: base, blocks: base.quantised, precision: .eightBits, tokens: 64, context: ComputeContext())
    let tokens = try base.tokenizer().encode(Self.sentence)
    var loss = 0.0
    for (token, next) in zip(tokens, tokens.dropFirst()) {
      let logits = decoder.read([token]).map(Double.init)
      let largest = logits.max()!
      loss += largest + log(logits.reduce(0) { $0 + exp($1 - largest) }) - logits[Int(next)]
    }
    #expect(abs(exp(loss / Double(tokens.count - 1)) - 10.401) < 0.02 * 10.401)
    // What it is sure of, it says as in fp32.
    let generator = try Generator(base: base, longestText: 64)
    #expect(try generator.generate(.text("The capital of France is"), maximumTokens: 2).text == " Paris.")
  }

  @Test("A question is the user's turn alone, and an answer ends with the turn")
  func prompt() throws {
    let base = try BaseModel.open(ModelCache.smollm2)
    let prompt = try ChatPrompt(base)
    let tokenizer = try base.tokenizer()
    #expect(try prompt.text("What is a bit?") == "<|im_start|>user\nWhat is a bit?<|im_end|>\n<|im_start|>assistant\n")
    #expect(prompt.endOfTurn == tokenizer.id(of: "<|im_end|>"))
    let pairs = [("What is a bit?", "A binary digit."), (String(repeating: "long ", count: 50), "answer")]
    let (examples, dropped) = try LanguageExamples.answers(
      pairs, prompt: prompt, tokenizer: tokenizer, maximumTokens: 16)
    let text = "<|im_start|>user\nWhat is a bit?<|im_end|>\n<|im_start|>assistant\n"
    #expect(dropped == 1 && examples.count == 1)
    #expect(examples.answers == .continuations([Int32(tokenizer.encode(text).count)]))
    let whole = tokenizer.encode(text) + tokenizer.encode("A binary digit.<|im_end|>")
    #expect(examples.ids == Array(whole.prefix(16)) && examples.truncatedCount == (whole.count > 16 ? 1 : 0))
  }
}
