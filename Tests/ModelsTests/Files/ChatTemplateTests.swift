import Models
import Tensors
import Testing
import Tokenizers

struct ChatTemplateTests {
  @Test("A chat template is a file, a text of the tokenizer's configuration, or the default of several")
  func chatTemplates() throws {
    let folder = try ModelFolder(TinyModels.weights(TinyModels.llama).huggingFaceFiles(as: .f32))
    func rendered() throws -> String? {
      let template = try BaseModel.open(folder.path).chatTemplate()
      return try template?.render([.init(role: "user", content: "x")], addGenerationPrompt: false)
    }
    #expect(try rendered() == nil)
    let config = "tokenizer_config.json"
    try folder.write(config, #"{"bos_token": "<s>", "eos_token": {"content": "</s>"}}"#)
    #expect(try rendered() == nil)
    try folder.write(
      config,
      #"{"chat_template": "{{ bos_token }}A{{ messages[0].content }}{{ eos_token }}", "bos_token": "<s>", "#
        + #""eos_token": {"content": "</s>"}}"#)
    #expect(try rendered() == "<s>Ax</s>")
    try folder.write(
      config, #"{"chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]}"#)
    #expect(try rendered() == "D")
    try folder.write("chat_template.jinja", "F{{ messages[0].role }}")
    #expect(try rendered() == "Fuser")
    try folder.write("chat_template.jinja", "{% macro x() %}")
    #expect(throws: ModelError.self) { try rendered() }
  }

  @Test("A GGUF file's template knows the tokens that the metadata names")
  func templateInGGUF() throws {
    let metadata: [(key: String, value: GGUF.Value)] = [
      ("tokenizer.chat_template", .string("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}")),
      ("tokenizer.ggml.tokens", .array(.string, [.string("<s>"), .string("</s>")])),
      ("tokenizer.ggml.bos_token_id", .uint32(0)), ("tokenizer.ggml.eos_token_id", .uint32(1)),
    ]
    let folder = try ModelFolder([("x.gguf", TinyModels.weights(TinyModels.llama).gguf(as: .f32, metadata: metadata))])
    let template = try BaseModel.open(folder.path(of: "x.gguf")).chatTemplate()
    let text = try template?.render([.init(role: "user", content: "x")], addGenerationPrompt: false)
    #expect(text == "<s>x</s>")
    #expect(
      throws: ModelError.badModel(
        file: folder.path(of: "x.gguf"), problem: "metadata \"tokenizer.ggml.model\" is missing")
    ) {
      try BaseModel.open(folder.path(of: "x.gguf")).tokenizer()
    }
  }
}
