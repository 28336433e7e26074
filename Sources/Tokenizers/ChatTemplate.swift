/// Turns the messages of a conversation into the text that a model was trained to continue.
///
/// The template comes with the model, in Jinja. This type parses and evaluates the part of Jinja that the templates of
/// SmolLM2, Llama 3 and Qwen 2.5 use: `for`, `if`, `set`, expressions with filters, tests, slices and methods of texts.
/// Any other construct is refused by name when the template is read. White space is handled as Hugging Face
/// `transformers` sets Jinja up: `trim_blocks` and `lstrip_blocks`.
public struct ChatTemplate: Sendable {
  public struct Message: Sendable, Hashable {
    /// `system`, `user` or `assistant`.
    public var role: String
    public var content: String

    public init(role: String, content: String) {
      self.role = role
      self.content = content
    }
  }

  private let statements: [TemplateStatement]
  private let variables: [String: TemplateValue]

  /// - Parameters:
  ///   - beginningToken: What the template calls `bos_token`; undefined if there is none.
  ///   - endToken: What it calls `eos_token`.
  public init(jinja: String, beginningToken: String? = nil, endToken: String? = nil) throws(TokenizerError) {
    var parser = try TemplateParser(jinja)
    statements = try parser.template()
    // These two are always there and say that a conversation has no tools and no documents.
    var variables: [String: TemplateValue] = ["tools": .none, "documents": .none]
    if let beginningToken { variables["bos_token"] = .text(beginningToken) }
    if let endToken { variables["eos_token"] = .text(endToken) }
    self.variables = variables
  }

  /// - Parameter addGenerationPrompt: Ends the text where the model's own message begins.
  /// - Throws: `.templateRefuses` with the template's own words if it does not accept these messages.
  public func render(_ messages: [Message], addGenerationPrompt: Bool) throws(TokenizerError) -> String {
    var variables = variables
    variables["messages"] = .list(
      messages.map { .mapping([("role", .text($0.role)), ("content", .text($0.content))]) })
    variables["add_generation_prompt"] = .boolean(addGenerationPrompt)
    var evaluation = TemplateEvaluation(
      variables: variables, contentBytes: messages.reduce(0) { $0 + $1.content.utf8.count })
    try evaluation.run(statements)
    return evaluation.output
  }
}
