import Foundation
import SecureAggregation

/// A coordinator that starts again in front of a finished round: replays its events, adds the uploads, one at a time from
/// the disk, and takes the masks off.
///
///     coordinator --directory DIRECTORY      as `averaging --keep` left it
///
/// It prints `{"survivors": …}` and ends; how much memory that took is for the caller to see.
enum CoordinatorWork {
  static func run(_ options: Options) throws {
    let stored = StoredRound(path: try options.text("directory"))
    let sum = try stored.replayed().unmask { try stored.upload($0.digest) }
    print("{\"survivors\": \(sum.survivors.count)}")
  }
}

/// What a coordinator has of one round on its disk.
struct StoredRound {
  let path: String

  private struct Opening: Codable {
    var plan: SignedRoundPlan
    var coordinator: IdentityKey
  }

  private func file(_ name: String) -> URL { URL(fileURLWithPath: path).appending(path: name) }

  func write(
    _ plan: SignedRoundPlan, coordinator: IdentityKey, events: [RoundEvent], uploads: [Digest: [UInt8]]
  ) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let encoder = JSONEncoder()
    try encoder.encode(Opening(plan: plan, coordinator: coordinator)).write(to: file("opening"))
    for (index, event) in events.enumerated() { try encoder.encode(event).write(to: file("event-\(index)")) }
    for (digest, bytes) in uploads { try Data(bytes).write(to: file(digest.hex)) }
  }

  func replayed() throws -> CoordinatorRound {
    let decoder = JSONDecoder()
    let opening = try decoder.decode(Opening.self, from: Data(contentsOf: file("opening")))
    var round = try CoordinatorRound(plan: opening.plan, coordinator: opening.coordinator)
    var index = 0
    while FileManager.default.fileExists(atPath: file("event-\(index)").path) {
      try round.apply(try decoder.decode(RoundEvent.self, from: Data(contentsOf: file("event-\(index)"))))
      index += 1
    }
    return round
  }

  func upload(_ digest: Digest) throws -> [UInt8] { [UInt8](try Data(contentsOf: file(digest.hex))) }
}
