import Kernels
import Schemas
import Tensors
import Testing

@testable import Models

@Suite("Decoder trajectory")
struct DecoderTrajectoryTests {
  @Test(
    "Ten AdamW steps on ragged answers are those of PyTorch and PEFT", arguments: DecoderGolden.file.trajectories,
    KernelLevel.available)
  func trajectory(golden: DecoderGolden.Trajectory, level: KernelLevel) throws {
    let training = LanguageTraining(
      shape: .decoder(golden.config.shape), method: .adapters,
      adapters: AdapterRecipe(
        rank: golden.rank, alpha: golden.alpha, targets: AdapterTarget.allCases, trainA: golden.trainA),
      task: .generation, maximumTokens: 32, seed: golden.seed)
    let recipe = TrainingRecipe(
      optimizer: .adamw, learningRate: golden.learningRate, weightDecay: golden.weightDecay, batchSize: 3, epochs: 1)
    let examples = LanguageExamples(
      golden.sequences.map(\.tokens), answers: .continuations(golden.sequences.map(\.prompt)))
    let start = training.initialParameters()
    let job = try LanguageJob(start, training, examples, recipe, checkpointing: nil)
    let network = try DecoderNetwork(
      start, training, weights: FormulaWeights(golden.config.shape), capacity: job.capacity, keeping: job.keeping,
      context: ComputeContext(kernels: .at(level: level)))
    var losses: [Double] = []
    try job.run(network, seed: [], shuffling: false) { losses.append($0.loss) }

    #expect(losses.count == 10)
    for (loss, expected) in zip(losses, golden.losses) { #expect(abs(loss - expected) < 1e-3 * expected) }
    let trained = network.parameters()
    var (difference, whole) = (0.0, 0.0)
    for entry in trained.layout.entries {
      let parts = entry.name.split(separator: ".")
      let module = FormulaWeights.modulePath(AdapterTarget(rawValue: String(parts[2]))!)
      let expected = golden.final[
        "base_model.model.model.layers.\(parts[1]).\(module).lora_\(parts[3]).default.weight"]!
      for (found, expected) in zip(trained.values[entry.offset..<entry.offset + entry.count], expected) {
        difference += (Double(found) - expected) * (Double(found) - expected)
        whole += expected * expected
      }
    }
    #expect((difference / whole).squareRoot() < 1e-2)
  }
}
