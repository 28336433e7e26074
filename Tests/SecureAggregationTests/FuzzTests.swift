import Foundation
import Testing

@testable import SecureAggregation

extension SeededGenerator {
  mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

  /// One to three edits: bits and bytes changed, pieces cut out, repeated or put in, the end cut off, a number replaced.
  mutating func mutated(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...below(3) where !bytes.isEmpty {
      let place = below(bytes.count)
      let end = min(bytes.count, place + 1 + below(8))
      switch below(8) {
      case 0: bytes[place] ^= 1 << UInt8(below(8))
      case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 4: bytes.insert(UInt8(truncatingIfNeeded: next()), at: place)
      case 5: bytes.removeSubrange(place...)
      default:
        // A digit becomes a number that is too small, too large or just another.
        let digits = bytes.indices.filter { UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[$0] }
        guard let digit = digits.isEmpty ? nil : digits[below(digits.count)] else { continue }
        let numbers = ["-1", "0", "7", "255", "256", "65535", "65536", "9223372036854775807", "1e400", "null"]
        bytes.replaceSubrange(digit...digit, with: Array(numbers[below(numbers.count)].utf8))
      }
    }
    return bytes
  }
}

@Suite("Messages and files that are almost right")
struct FuzzTests {
  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return encoder
  }()

  private static func bytes(_ value: some Encodable) throws -> [UInt8] { [UInt8](try encoder.encode(value)) }

  /// Mutations of a value's stored form that decode, each with whether it is another value.
  private static func mutations<T: Codable>(of value: T, _ count: Int, seed: UInt64) throws -> [(value: T, other: Bool)]
  {
    var generator = SeededGenerator(seed)
    let original = try bytes(value)
    return (0..<count).compactMap { _ in
      guard let decoded = try? JSONDecoder().decode(T.self, from: Data(generator.mutated(original))) else { return nil }
      return (decoded, (try? bytes(decoded)) != original)
    }
  }

  /// A decoded value is a fixed point: stored and read again it is the same. Returns how many of the mutations decode.
  private func expectFixedPoint<T: Codable>(
    _ value: T, _ count: Int = 100, seed: UInt64 = 1, same: (T, T) throws -> Bool
  ) throws -> Int {
    let decoded = try Self.mutations(of: value, count, seed: seed)
    #expect(decoded.count < count, "\(T.self)")
    for (value, _) in decoded {
      #expect(try same(reborn(value), value), "\(T.self)")
    }
    return decoded.count
  }

  @Test("Whatever is done to a stored value, it does not decode, or decodes to a value that is stored the same")
  func stored() throws {
    var rehearsal = try Rehearsal(4)
    _ = try rehearsal.run()
    var decoded = try expectFixedPoint(rehearsal.members[1].round!) { try Self.bytes($0) == Self.bytes($1) }
    #expect(decoded > 0)
    decoded = try expectFixedPoint(rehearsal.members[1].ledger, same: ==)
    #expect(decoded > 0)
    decoded = try expectFixedPoint(rehearsal.coordinator, same: ==)
    #expect(decoded > 0)
    decoded = 0
    for (index, event) in rehearsal.events.enumerated() {
      decoded += try expectFixedPoint(event, 60, seed: UInt64(index), same: ==)
    }
    #expect(decoded > 0)
  }

  @Test("Of what carries a signature or a proof, no changed copy is taken, in any place")
  func signed() throws {
    let golden = try #require(try published("rounds-special", as: [PublishedRound].self).first { $0.name == "base" })
    var round = try golden.rehearsal()
    for k in round.everyone { try round.begin(k) }
    var tried = 0

    func coordinator<T: Codable>(
      _ message: T, refuses take: (inout CoordinatorRound, T) throws -> Void, seed: UInt64
    ) throws {
      for (changed, other) in try Self.mutations(of: message, 300, seed: seed) where other {
        var coordinator = round.coordinator
        #expect(refusal { try take(&coordinator, changed) } != nil, "\(T.self)")
        #expect(coordinator == round.coordinator)
        tried += 1
      }
    }
    func member<T: Codable>(_ message: T, refuses take: (inout Member, T) throws -> Void, seed: UInt64) throws {
      for (changed, other) in try Self.mutations(of: message, 300, seed: seed) where other {
        var member = round.members[1]
        #expect(refusal { try take(&member, changed) } != nil, "\(T.self)")
        tried += 1
      }
    }

    let peer = round.members[1].peer
    try coordinator(
      round.members[1].round.advert, refuses: { _ = try $0.submit($1, from: peer) }, seed: 1)
    for k in round.everyone { try round.coordinator.submit(round.members[k].round.advert, from: round.members[k].peer) }
    try round.coordinator.freezeRoster(shape: round.shape)
    try member(
      round.coordinator.roster!, refuses: { _ = try $0.share($1, round.shape, round.policy) }, seed: 2)
    try round.share(round.everyone)
    for k in round.everyone {
      let upload = try round.upload(k)
      if k == 1 { try coordinator(upload, refuses: { _ = try $0.submit($1, from: peer.name) }, seed: 3) }
      try round.take(upload, from: round.members[k].name)
    }
    try round.coordinator.freezeSurvivors()
    try member(
      round.coordinator.survivorSet(for: peer.name)!, refuses: { _ = try $0.confirm($1, round.policy) }, seed: 4)
    for k in round.everyone {
      let confirmation = try round.confirmation(k)
      if k == 1 { try coordinator(confirmation, refuses: { _ = try $0.submit($1, from: peer.name) }, seed: 5) }
      try round.coordinator.submit(confirmation, from: round.members[k].name)
    }
    #expect(tried > 100)
  }

  @Test("Changed shares and answers end in the plain sum, in a refusal or in a round without a sum")
  func unsigned() throws {
    var round = try Rehearsal(4)
    try round.gather()
    let messages = try round.everyone.map { try round.shares($0) }
    var ends: Set<String> = []
    for (changed, other) in try Self.mutations(of: messages[1], 400, seed: 6) where other {
      var attempt = round
      let error = refusal {
        for k in attempt.everyone {
          try attempt.coordinator.submit(k == 1 ? changed : messages[k], from: attempt.members[k].name)
        }
        try attempt.coordinator.freezeSharers()
        try attempt.collect(attempt.everyone)
        let survivors = attempt.coordinator.survivors!.ranks
        try attempt.confirm(survivors)
        try attempt.answer(survivors)
        attempt.expect(try attempt.unmask(), of: survivors)
      }
      ends.insert(error?.name ?? "sum")
    }
    #expect(ends.isSuperset(of: ["sum", "wrongLength"]))

    try round.share(round.everyone)
    try round.collect(round.everyone)
    try round.confirm(round.everyone)
    let answers = try round.everyone.map { try round.answer($0) }
    for (changed, other) in try Self.mutations(of: answers[1], 400, seed: 7) where other {
      var attempt = round
      let error = refusal {
        for k in attempt.everyone {
          try attempt.coordinator.submit(k == 1 ? changed : answers[k], from: attempt.members[k].name)
        }
        attempt.expect(try attempt.unmask(), of: attempt.everyone)
      }
      ends.insert(error?.name ?? "sum")
    }
    #expect(ends.contains("malformed"))
  }
}
