import Foundation
import Models
import Schemas
import Tensors

/// `trajectory --case CASE`: trains as the folder CASE says and leaves there what came of it.
///
/// CASE/case.json names the base model, the training, the recipe and the sequences of all steps in their order;
/// CASE/initial.safetensors is the trained vector to start from. Written are CASE/ours.json, the loss of each step before
/// its update, and CASE/ours.safetensors, the vector in the end.
enum Trajectory {
  private struct Case: Decodable {
    let model: String
    let training: LanguageTraining
    let recipe: TrainingRecipe
    let sequences: [[Int32]]
    let labels: [Int32]?
    let numbers: [Double]?
    let answerStarts: [Int32]?
    let checkpointing: Bool?
  }

  static func run(_ options: Options) throws {
    let folder = URL(fileURLWithPath: try options.text("case"))
    let given = try JSONDecoder().decode(Case.self, from: Data(contentsOf: folder.appending(path: "case.json")))
    let file = try Safetensors(decoding: [UInt8](Data(contentsOf: folder.appending(path: "initial.safetensors"))))
    let initial = try file.parameters(in: given.training.layout)
    let answers: LanguageExamples.Answers =
      if let labels = given.labels { .labels(labels) } else if let numbers = given.numbers { .numbers(numbers) } else {
        .continuations(given.answerStarts ?? [])
      }

    var losses: [Double] = []
    let final = try LanguageTrainer.train(
      initial, training: given.training, base: try BaseModel.open(given.model),
      on: LanguageExamples(given.sequences, answers: answers), recipe: given.recipe, seed: [], shuffling: false,
      checkpointing: given.checkpointing
    ) { losses.append($0.loss) }
    try JSONEncoder().encode(losses).write(to: folder.appending(path: "ours.json"))
    try Data(Safetensors(final, metadata: [:]).encoded()).write(to: folder.appending(path: "ours.safetensors"))
  }
}

extension Safetensors {
  /// The tensors in the order of a layout, whatever theirs is.
  func parameters(in layout: ParameterLayout) throws -> Parameters {
    let named = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
    return try Safetensors(tensors: layout.entries.compactMap { named[$0.name] }).parameters()
  }
}
