import ArgumentParser
import Foundation
import Participation
import Specialists

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a plan's model on rows of this machine alone: what a federation is compared with.",
    discussion: """
      The plan's recipe, for as many rounds as the plan has, without a coordinator, clipping or masks. With evaluation.fold
      the rows of that fold are held out and measured. The file is a specialist without a lineage.
      """)

  @OptionGroup var plan: PlanOptions
  @Argument(help: "The rows, .csv or .jsonl.")
  var rows: String
  @Option(help: "The specialist to write.")
  var output: String
  @OptionGroup var base: BaseOptions
  @OptionGroup var options: OutputOptions

  struct Trained: Encodable {
    let file: String
    let measured: Measured
    let heldOut: Bool
    let seconds: Double
  }

  func run() throws {
    let plan = try plan.read()
    let source = RowSource(data: rows, bases: base.paths, threads: base.threads)
    let bar = ProgressBar()
    let start = Date()
    let own = try LocalTrainer.train(plan, on: source) { done in bar.show(done.fraction, "training, \(done)") }
    bar.finish()
    try Specialist(own: own.checkpoint).write(to: output)
    let trained = Trained(
      file: output, measured: Measured(own.metrics), heldOut: own.isHeldOut, seconds: Date().timeIntervalSince(start))
    try options.output.print(trained) {
      "wrote \($0.file)\n\($0.heldOut ? "held-out" : "training") rows: \($0.measured.text)"
    }
  }
}
