import Foundation
import Testing

/// For the length of the suite, homes in which four owners are enrolled, allow the plan, and nobody runs.
///
/// The owners enrol by processes, as they would; every test works on a copy of the homes.
struct Enrolled: SuiteTrait, TestScoping {
  @TaskLocal static var current: String?

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    let deployment = Deployment(directory: Deployment.newDirectory())
    try FileManager.default.createDirectory(atPath: deployment.path("logs"), withIntermediateDirectories: true)
    try await deployment.enrol()
    try await Self.$current.withValue(deployment.directory) { try await function() }
  }
}

extension Trait where Self == Enrolled {
  static var enrolled: Self { Self() }
}

extension Deployment {
  /// Makes the coordinator's home and four nodes' homes, with a policy that allows the plan with any fold held out.
  fileprivate func enrol() async throws {
    try SmallTable.plan.write(toFile: path("plan.yaml"), atomically: true, encoding: .utf8)
    let check = try await tributary("plan", "check", path("plan.yaml"), "--free", "evaluation.fold", "--json")
    struct Checked: Decodable { var template: String }
    let template = try check.json(Checked.self).template

    let port = FreePort.find()
    try await succeed("init", "--home", path("coordinator"), "--host", "127.0.0.1", "--listen", "127.0.0.1:\(port)")
    try await serve()
    for owner in SmallTable.owners {
      try SmallTable.csv(SmallTable.rows(of: owner)).write(
        toFile: path("\(owner).csv"), atomically: true, encoding: .utf8)
      let line = try await succeed(
        "invite", owner, "--organisation", "\(owner) hospital", "--home", path("coordinator")
      )
      .trimmingCharacters(in: .newlines)
      try await succeed("join", line, "--home", path(owner), "--data", path("\(owner).csv"), "--enrol-only")
      try await succeed("policy", "allow", template, "--free", "evaluation.fold", "--home", path(owner))
    }
    try await succeed("stop", "--home", path("coordinator"))
    #expect(try await programs["coordinator"]?.status() == 0)
  }

  @discardableResult
  private func succeed(_ arguments: String...) async throws -> String {
    let answer = try await tributary(arguments)
    guard answer.status == 0 else { throw NeverHappened(description: "\(arguments): \(answer.error)") }
    return answer.output
  }
}

enum FreePort {
  /// A port that nobody listens on, below those that the system gives to outgoing connections: a coordinator that is
  /// killed must get it again.
  static func find() -> Int {
    while true {
      let port = Int.random(in: 20_000..<32_000)
      if isFree(port) { return port }
    }
  }

  private static func isFree(_ port: Int) -> Bool {
    #if canImport(Glibc)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
