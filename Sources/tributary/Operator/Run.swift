import ArgumentParser
import Federation
import UnixSignals
import Wire

struct Run: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Start a run of a plan, and follow it to its end.",
    discussion: "Runs of one coordinator go one after another; a second one waits for its turn.")

  @OptionGroup var plan: PlanOptions
  @Flag(help: "Return as soon as the run is queued.")
  var detach = false
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  func run() async throws {
    let canonicalPlan = try plan.read().canonicalBytes
    let output = options.output
    try await withOperator(of: home) { client in
      let run = try await client.submitRun(plan: canonicalPlan)
      let snapshot = detach ? try await client.run(run) : try await follow(run, client: client, output: output)
      try output.print(snapshot) { RunText.summary($0) }
      try RunEnd.check(snapshot)
    }
  }
}

struct Watch: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Follow a run: rounds, phases, the cohort's metrics, and who is late and why.",
    discussion: "With --json, prints one JSON object a line for each change.")

  @Argument(help: "The run; the newest when it is not given.")
  var run: String?
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  func run() async throws {
    let output = options.output
    try await withOperator(of: home) { client in
      if run == nil, try await client.runs().isEmpty { throw CommandError.noRunYet }
      let snapshot = try await follow(run, client: client, output: output, streaming: output.json)
      if !output.json { output.line(RunText.summary(snapshot)) }
      try RunEnd.check(snapshot)
    }
  }
}

/// Shows a run's progress until it has ended, and returns how it ended.
///
/// - Parameter streaming: Print every snapshot as one line of JSON instead.
/// - Throws: `.stoppedWatching` at Ctrl-C: the run belongs to the coordinator and goes on.
func follow(
  _ run: String?, client: OperatorClient, output: Output, streaming: Bool = false
) async throws -> RunSnapshot {
  let bar = ProgressBar()
  return try await withThrowingTaskGroup(of: RunSnapshot.self) { group in
    group.addTask {
      try await client.watchRun(run) { snapshot in
        if streaming {
          try output.printLine(snapshot) { _ in "" }
        } else {
          bar.show(Double(snapshot.roundsClosed) / Double(max(1, snapshot.roundsTotal)), RunText.progress(snapshot))
        }
        return true
      }
    }
    group.addTask {
      for await _ in await UnixSignalsSequence(trapping: .sigint) { break }
      throw CommandError.stoppedWatching(run: run)
    }
    defer {
      bar.finish()
      group.cancelAll()
    }
    return try await group.next()!
  }
}

/// A run that ended without a model ends its command with an error.
enum RunEnd {
  static func check(_ snapshot: RunSnapshot) throws {
    switch snapshot.standing {
    case .failed(let reason): throw CommandError.runFailed(run: snapshot.run, reason: reason)
    case .stopped: throw CommandError.runFailed(run: snapshot.run, reason: "stopped by the operator")
    case .queued, .running, .finished: break
    }
  }
}
