import ArgumentParser
import Coordination
import Federation
import Schemas
import Specialists

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a finished run's model with its schema and lineage, as one file or as adapters that peft loads.")

  @Argument(help: "The run, as `tributary status` names it, or `last`.")
  var run = "last"
  @Option(help: "The file to write, or the directory.")
  var output: String
  @Option(help: "specialist, one safetensors file; or peft, a directory with the adapters of a language model.")
  var format = Format.specialist
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case specialist, peft
  }

  struct Exported: Encodable {
    let file: String
    let run: String
    let checkpoint: String
  }

  func run() async throws {
    let finished = try await CoordinatorHome(opening: home.path).finishedRun(run)
    let lineage = Lineage(
      run: finished.run, name: finished.plan.name, plan: "\(finished.planDigest)", checkpoint: "\(finished.model)",
      rounds: finished.trainingRounds,
      closes: finished.rounds.map {
        let close = $0.signedClose.close
        return Lineage.Close(round: close.roundID, kind: "\($0.kind)", digest: "\(close.hash)")
      },
      coordinator: finished.coordinator.fingerprint, participants: finished.mostParticipants,
      averaging: finished.plan.averaging.rawValue, formalPrivacy: finished.plan.privacy.word)
    let specialist = try Specialist(exporting: Checkpoint(decoding: finished.checkpoint), lineage: lineage)
    switch format {
    case .specialist: try specialist.write(to: output)
    case .peft: try AdapterDirectory.write(specialist, to: output)
    }
    try options.output.print(Exported(file: output, run: finished.run, checkpoint: lineage.checkpoint)) {
      "wrote \($0.file): the model of run \($0.run), checkpoint \($0.checkpoint)"
    }
  }
}
