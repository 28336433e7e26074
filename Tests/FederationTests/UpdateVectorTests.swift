import Federation
import Foundation
import Schemas
import SecureAggregation
import Testing
import Updates

@Suite("Updates of the published vectors")
struct UpdateVectorTests {
  /// One entry of protocols/vectors/updates.json.
  struct Published: Decodable {
    struct Last: Decodable {
      var meanNorm: Double
      var totalWeight: UInt64
      var survivors: UInt16
      var maximumWeight: UInt32
    }
    /// Bytes in full, or their number, SHA-256 and both ends.
    struct Pinned: Decodable {
      var bytes: String?
      var count: Int?
      var sha256: String?
      var first: String?
      var last: String?

      func matches(_ found: [UInt8]) -> Bool {
        if let bytes { return found.hexadecimal == bytes }
        return found.count == count && Digest(sha256: found).hex == sha256
          && Array(found.prefix(32)).hexadecimal == first && Array(found.suffix(32)).hexadecimal == last
      }
    }
    var name: String
    var count: Int
    var dimension: Int
    var clipNorm: Double
    var targetError: Double
    var maximumWeight: UInt32
    var last: Last?
    var transcript: String
    var weights: [UInt32]
    var padded: Int
    var bits: Int
    var step: String
    var monitored: Bool
    var lanes: [Pinned]
    var mean: Pinned?
    var meanNorm: String?
    var error: String?

    var plan: RoundPlan {
      RoundPlan(
        kind: .update, run: "hearts", roundID: 7, minimumSurvivors: 3, assumedColluders: 0, targetError: targetError,
        clipNorm: clipNorm, dimension: UInt32(dimension), maximumWeight: maximumWeight, weightRule: 1,
        tailLanes: UInt32(1 + MetricLanes.laneCount(classes: 2)), metricScale: 1024, trainer: .zero, modelIn: .zero,
        deadlineSeconds: 0)
    }

    var lastClose: RoundClose? {
      last.map {
        RoundClose(
          run: "hearts", roundID: 6, planHash: .zero, rosterRoot: .zero, survivorsHash: .zero, modelIn: .zero,
          modelOut: .zero, meanNorm: $0.meanNorm, totalWeight: $0.totalWeight, survivors: $0.survivors, outcome: .done)
      }
    }
  }

  private static func bytes<Element>(_ values: [Element]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

  @Test("Lanes, grid and mean have the same bytes, and a sum near the end of the grid is an alarm")
  func updates() throws {
    let file = URL(filePath: #filePath).appending(path: "../../../protocols/vectors/updates.json").standardized
    let published = try JSONDecoder().decode([Published].self, from: Data(contentsOf: file))
    #expect(published.count == 14)
    for golden in published {
      let name = Comment(rawValue: golden.name)
      let codec = RoundCodec(plan: golden.plan, rosterCount: golden.count, last: golden.lastClose)
      let grid = try #require(codec.grid)
      let transcript = try #require(Digest(hex: golden.transcript))
      #expect(codec.shape.count == golden.padded && grid.bits == golden.bits, name)
      #expect(Self.bytes([grid.step.bitPattern.littleEndian]).hexadecimal == golden.step, name)
      #expect(grid.monitored == golden.monitored, name)

      var sum = [UInt32](repeating: 0, count: golden.padded)
      let mask = UInt32(truncatingIfNeeded: UInt64(1) << UInt64(golden.bits) - 1)
      for (member, weight) in golden.weights.enumerated() {
        let key = { (part: String) in Primitives.sha256(Array("\(golden.name)/\(member)/\(part)".utf8)) }
        let stream = try Primitives.keystream(key: key("delta"), count: 2 * golden.dimension)
        let delta = (0..<golden.dimension).map { k in
          (Float(UInt16(stream[2 * k]) | UInt16(stream[2 * k + 1]) << 8) - 32768) / 1_048_576
        }
        let input = try codec.encode(
          delta: delta, weight: weight, metrics: MetricLanes(classes: 2),
          coins: try Primitives.keystream(key: key("coins"), count: codec.coinBytes), transcript: transcript)
        #expect(golden.lanes[member].matches(Self.bytes(input.vector.map(\.littleEndian))), name)
        for k in sum.indices { sum[k] = (sum[k] &+ input.vector[k]) & mask }
      }

      let survivors = try golden.weights.indices.map { i in
        let key = try IdentitySigner(seed: [UInt8](repeating: UInt8(i + 1), count: 32)).publicKey
        return Peer(name: "node-\(i)", organisation: "organisation \(i)", key: key)
      }
      let total = RoundSum(
        vector: sum, tail: [golden.weights.reduce(0, +)], statistics: [], survivors: survivors)
      if golden.error == "occupancyAlarm" {
        let alarm = #expect(throws: UpdateError.self, name) { try codec.mean(of: total, transcript: transcript) }
        guard case .occupancyAlarm = alarm else {
          Issue.record("\(golden.name): \(String(describing: alarm))")
          continue
        }
      } else {
        let (mean, norm) = try codec.mean(of: total, transcript: transcript)
        #expect(golden.mean?.matches(Self.bytes(mean.map(\.bitPattern.littleEndian))) == true, name)
        #expect(Self.bytes([norm.bitPattern.littleEndian]).hexadecimal == golden.meanNorm, name)
      }
    }
  }
}
