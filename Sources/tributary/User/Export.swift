import ArgumentParser
import Coordination
import Federation
import Schemas
import Specialists

struct Export: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a finished run's model as one safetensors file, with its schema, standardisation and lineage.")

  @Argument(help: "The run, as `tributary status` names it, or `last`.")
  var run = "last"
  @Option(help: "The file to write.")
  var output: String
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

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
      averaging: finished.plan.averaging.rawValue, formalPrivacy: finished.plan.privacy.rawValue)
    let specialist = try Specialist(exporting: TableCheckpoint(decoding: finished.checkpoint), lineage: lineage)
    try specialist.write(to: output)
    try options.output.print(Exported(file: output, run: finished.run, checkpoint: lineage.checkpoint)) {
      "wrote \($0.file): the model of run \($0.run), checkpoint \($0.checkpoint)"
    }
  }
}
