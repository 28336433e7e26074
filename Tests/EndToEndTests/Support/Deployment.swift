import Foundation
import Testing

/// A coordinator and four owners as they are deployed: homes in a temporary directory, and processes on loopback.
///
/// Made by copying the homes of `Enrolled.current`, so that a test starts with everyone enrolled and may break what it
/// likes.
final class Deployment {
  let directory: String
  private(set) var programs: [String: Program] = [:]
  private var commands = 0

  init(directory: String) { self.directory = directory }

  /// - Parameter presenceSeconds: How long after its last call the coordinator still waits for a participant.
  convenience init(presenceSeconds: Double = 60) throws {
    let template = try #require(Enrolled.current)
    // Under /tmp and short, because the path of a Unix socket must be.
    self.init(directory: Self.newDirectory())
    try FileManager.default.copyItem(atPath: template, toPath: directory)
    try FileManager.default.removeItem(atPath: path("logs"))
    try FileManager.default.createDirectory(atPath: path("logs"), withIntermediateDirectories: false)
    try change("coordinator/home.yaml") {
      $0.replacing(/presenceSeconds: .*/, with: "presenceSeconds: \(presenceSeconds)")
    }
  }

  deinit {
    programs = [:]
    try? FileManager.default.removeItem(atPath: directory)
  }

  static func newDirectory() -> String { "/tmp/te-\(String(UInt32.random(in: .min ... .max), radix: 36))" }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  func change(_ file: String, _ edit: (String) -> String) throws {
    let text = try String(contentsOfFile: path(file), encoding: .utf8)
    try edit(text).write(toFile: path(file), atomically: true, encoding: .utf8)
  }

  func text(_ file: String) throws -> String { try String(contentsOfFile: path(file), encoding: .utf8) }
}

// MARK: - Commands that end

extension Deployment {
  struct Answer {
    var status: Int32
    var output: String
    var error: String

    func json<Value: Decodable>(_: Value.Type) throws -> Value {
      try JSONDecoder().decode(Value.self, from: Data(output.utf8))
    }

    var failure: FailureAnswer {
      get throws { try JSONDecoder().decode(FailureAnswer.self, from: Data(error.utf8)) }
    }
  }

  /// Runs a command to its end.
  func tributary(_ arguments: String...) async throws -> Answer { try await tributary(arguments) }

  func tributary(_ arguments: [String]) async throws -> Answer {
    commands += 1
    let log = path("logs/command-\(commands)")
    let program = try Program(arguments, log: log)
    let status = try await program.status()
    return Answer(status: status, output: program.output, error: program.error)
  }

  /// Runs a command of the coordinator's home.
  func operate(_ arguments: String...) async throws -> Answer {
    try await tributary(arguments + ["--home", path("coordinator"), "--json"])
  }

  /// The newest run.
  func run() async throws -> RunAnswer {
    try #require(try await operate("status").json([RunAnswer].self).last)
  }

  func participants() async throws -> [String: ParticipantAnswer] {
    Dictionary(
      uniqueKeysWithValues: try await operate("participants").json([ParticipantAnswer].self).map { ($0.name, $0) })
  }

  /// Waits for the newest run's end.
  func ended() async throws -> RunAnswer {
    let watch = try await operate("watch")
    let last = try #require(watch.output.split(separator: "\n").last, "\(watch.error)")
    return try JSONDecoder().decode(RunAnswer.self, from: Data(last.utf8))
  }
}

// MARK: - Programs that go on

extension Deployment {
  @discardableResult
  func start(_ name: String, _ arguments: [String], shell: String? = nil) throws -> Program {
    programs[name] = nil  // the old one dies first
    let program = try Program(arguments, log: path("logs/\(name)"), shell: shell)
    programs[name] = program
    return program
  }

  /// Serves, and returns once the operator's commands are answered.
  func serve(shell: String? = nil) async throws {
    let program = try start("coordinator", ["serve", "--home", path("coordinator"), "--json"], shell: shell)
    try await eventually("the coordinator serves: \(program.error)") {
      guard program.isRunning else { throw NeverHappened(description: "serve ended: \(program.error)") }
      return try await operate("status").status == 0
    }
  }

  func join(_ name: String) throws { try start(name, ["join", "--home", path(name)]) }

  /// Starts the coordinator and the four owners, and returns once all are connected.
  func startAll() async throws {
    try await serve()
    for owner in SmallTable.owners { try join(owner) }
    try await eventually("everyone is connected") { try await participants().values.allSatisfy { $0.lastSeen != nil } }
  }

  func kill(_ name: String) throws {
    try #require(programs[name]).kill()
    programs[name] = nil
  }

  func pause(_ name: String) throws { try #require(programs[name]).pause() }
  func resume(_ name: String) throws { try #require(programs[name]).resume() }
}
