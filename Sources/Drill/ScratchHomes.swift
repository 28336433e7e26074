import Federation
import Foundation
import Identities
import Logging
import Participation
import SecureAggregation
import Synchronization

/// The homes of a drill's participants, in a directory that goes away with it: real homes with keys made there, the bounds
/// of the policy that is drilled, and synthetic rows.
struct ScratchHomes: Sendable {
  let directory: String
  private(set) var homes: [String: NodeHome] = [:]
  private(set) var witnesses: [String: Witness] = [:]

  init() throws(DrillError) {
    directory = FileManager.default.temporaryDirectory.path + "/tributary-drill-\(UUID().uuidString)"
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch { throw .scratch((error as NSError).localizedDescription) }
  }

  /// Each participant's own key, for a script in which it is hostile.
  func signers() throws -> [String: IdentitySigner] {
    try homes.mapValues { try IdentitySigner(file: "\($0.path)/keys/averaging.key") }
  }

  func remove() { try? FileManager.default.removeItem(atPath: directory) }

  /// Enrols every name over the wire, gives it rows, and lets it allow the plan under the configuration's bounds.
  mutating func enrol(_ lines: [InviteLine], configuration: DrillConfiguration, plan: RunPlan) async throws {
    var keys: [String: IdentityKey] = [:]
    for line in lines {
      let home = NodeHome(path: "\(directory)/\(line.name)")
      let rows = "\(directory)/\(line.name).csv"
      try SyntheticRows.csv(of: line.name).write(toFile: rows, atomically: true, encoding: .utf8)
      try await home.enrol(by: line, data: rows)
      homes[line.name] = home
      keys[line.name] = IdentityKey(fingerprint: try home.fingerprint())
      witnesses[line.name] = Witness()
    }
    // Their owners were talked into allowing the weaker plans as well: the bounds alone stand against those.
    let plans = try ([plan] + configuration.weakerPlans().map(\.plan)).map {
      NodePolicy.AllowedPlan(digest: try $0.digest())
    }
    let names = lines.map(\.name)
    for (rank, name) in names.enumerated() {
      // The last participant is the one that scripts lose, and so in nobody's list.
      let others = (names[(rank + 1)...] + names[..<rank]).filter { $0 != names.last }
      let known = others.prefix(configuration.knownPeers).compactMap { other in
        keys[other].map { NodePolicy.KnownPeer(name: other, fingerprint: $0) }
      }
      try homes[name]?.changePolicy { policy in
        policy = configuration.bounds
        policy.plans = plans
        policy.peers = known
      }
    }
  }
}

/// What one participant tells its owner.
final class Witness: Sendable {
  private let lines = Mutex<[String]>([])

  var said: [String] { lines.withLock { $0 } }

  var log: Logger { Logger(label: "drill") { _ in Handler(witness: self) } }

  private struct Handler: LogHandler {
    let witness: Witness
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      witness.lines.withLock { $0.append("\(event.message)") }
    }
  }
}

/// Rows that follow from a name: nobody's.
enum SyntheticRows {
  static let trainingRows = 30

  /// 40 rows, a quarter of them in each fold, in which the old and those in pain tend to be sick.
  static func csv(of name: String) -> String {
    var state = name.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
    func next(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    var lines = ["id,age,pressure,pain,sick,fold"]
    for id in 0..<40 {
      let (age, pressure) = (20 + next(70), 100 + next(80))
      let pain = ["none", "some", "strong"][Int(next(3))]
      let isSick = age + (pain == "strong" ? 30 : 0) + next(40) > 85
      lines.append("\(id),\(age),\(pressure),\(pain),\(isSick ? 1 : 0),\(id % 4)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
