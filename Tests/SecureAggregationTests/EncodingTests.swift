import Foundation
import Testing

@testable import SecureAggregation

@Suite("Canonical bytes")
struct EncodingTests {
  @Test("A plan's bytes, field by field")
  func plan() {
    let plan = RoundPlan(
      kind: .moments, run: "ab", roundID: 0x0102_0304_0506_0708, minimumSurvivors: 3, assumedColluders: 1,
      maximumLost: 0xFFFF, targetError: 1, clipNorm: 2, dimension: 14, maximumWeight: 4096, weightRule: 1, tailLanes: 0,
      metricScale: 0.5, privacy: "none", trainer: Digest(bytes: [UInt8](repeating: 0xAA, count: 32))!,
      modelIn: Digest(bytes: [UInt8](repeating: 0xBB, count: 32))!,
      gridClose: Digest(bytes: [UInt8](repeating: 0xCC, count: 32))!, deadlineSeconds: 60)
    #expect(
      plan.canonicalBytes
        == hex(
          """
          04000000 66736131 0100 02 02000000 6162 0807060504030201 0300 0100 ffff
          000000000000f03f 0000000000000040 0e000000 00100000 01 00000000 000000000000e03f 04000000 6e6f6e65
          """) + [UInt8](repeating: 0xAA, count: 32) + [UInt8](repeating: 0xBB, count: 32)
        + [UInt8](repeating: 0xCC, count: 32) + hex("3c00000000000000"))
    #expect(plan.hash.bytes == Primitives.sha256(hex("09 667361312f706c616e") + plan.canonicalBytes))
  }

  @Test("A digest and a fingerprint are read as they are printed, and nothing else is")
  func printedForms() throws {
    let digest = Digest(sha256: Array("abc".utf8))
    #expect("\(digest)" == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest(hex: "\(digest)") == digest)
    #expect(Digest(hex: digest.hex.uppercased()) == digest)
    for bad in ["", "sha256:", String(digest.hex.dropLast()), digest.hex + "00", "g" + digest.hex.dropFirst()] {
      #expect(Digest(hex: bad) == nil)
    }
    let key = try IdentitySigner(seed: [UInt8](repeating: 4, count: 32)).publicKey
    #expect(IdentityKey(fingerprint: key.fingerprint) == key)
    #expect(IdentityKey(fingerprint: String(key.fingerprint.dropLast())) == nil)
    #expect(try reborn(key) == key)
    #expect(try reborn(digest) == digest)
  }

  @Test("Bitmaps: bit r mod 8 of byte r / 8, and spare bits are refused")
  func bitmaps() throws {
    let bitmap = Bitmap(capacity: 11, ranks: [0, 3, 9])
    #expect(bitmap.bytes == [0b0000_1001, 0b0000_0010])
    #expect(bitmap.ranks == [0, 3, 9])
    #expect(bitmap.count == 3)
    #expect(try reborn(bitmap) == bitmap)
    #expect(Bitmap(bytes: [1, 0b0000_1000], capacity: 11) == nil)
    #expect(Bitmap(bytes: [1], capacity: 11) == nil)
    #expect(Bitmap(bytes: [], capacity: .max) == nil && Bitmap(bytes: [], capacity: -1) == nil)
    #expect(Bitmap(capacity: 11, ranks: [3]).isSubset(of: bitmap))
    #expect(!Bitmap(capacity: 11, ranks: [4]).isSubset(of: bitmap))
    #expect(!Bitmap(capacity: 12, ranks: [3]).isSubset(of: bitmap))
    #expect(!bitmap.contains(-1) && !bitmap.contains(11))
  }

  @Test("Packing by hand: 0xABC, 0x123 and 0xDEF in 12 bits, then tail and statistics")
  func packingByHand() {
    let shape = VectorShape(bits: 12, count: 3, tailLanes: 1, statisticLanes: 1)
    let lanes = MaskedLanes(
      MaskedInput(vector: [0xABC, 0x123, 0xDEF], tail: [0x0102_0304], statistics: [0x1122_3344_5566_7788]), shape: shape
    )
    #expect(lanes.packed() == hex("bc3a12ef0d 04030201 8877665544332211"))
    #expect(shape.byteCount == 17)
  }

  @Test("Every width packs each coordinate at bit kB and adds back", arguments: 8...32)
  func packing(bits: Int) {
    var generator = SeededGenerator(UInt64(bits))
    for count in [1, 2, 3, 5, 8, 31, 64, 65] {
      for tail in [0, 2] {
        let shape = VectorShape(bits: bits, count: count, tailLanes: tail, statisticLanes: 0)
        let mask = UInt64(1) << UInt64(bits) - 1
        let vector = (0..<count).map { _ in UInt32(generator.next() & mask) }
        let input = MaskedInput(
          vector: vector, tail: (0..<tail).map { _ in UInt32(truncatingIfNeeded: generator.next()) })
        let packed = MaskedLanes(input, shape: shape).packed()
        #expect(packed.count == shape.byteCount)
        var wrong = 0
        for k in 0..<count {
          for bit in 0..<bits {
            let place = k * bits + bit
            if UInt32(packed[place / 8] >> UInt8(place % 8) & 1) != vector[k] >> UInt32(bit) & 1 { wrong += 1 }
          }
        }
        #expect(wrong == 0)
        var sum = MaskedLanes(shape)
        for _ in 0..<3 { sum.add(packed: packed) }
        #expect(sum.reducedVector == vector.map { UInt32((UInt64($0) * 3) & mask) })
        #expect(sum.tail == input.tail.map { $0 &* 3 })
      }
    }
  }

  @Test("An upload of another length or with a spare bit set is refused, at every spare bit")
  func shapes() {
    let shape = VectorShape(bits: 9, count: 3, tailLanes: 1, statisticLanes: 0)  // 27 bits: 5 spare
    let good = [UInt8](repeating: 0, count: shape.byteCount)
    #expect(throws: Never.self) { try shape.check(good, from: "bay") }
    for spare in 3..<8 as Range<UInt8> {
      var bad = good
      bad[3] = 1 << spare
      #expect(throws: AveragingError.paddingBits(from: "bay")) { try shape.check(bad, from: "bay") }
    }
    #expect(throws: AveragingError.wrongLength(of: "upload of bay", expected: 8, found: 7)) {
      try shape.check(Array(good.dropLast()), from: "bay")
    }
    #expect(throws: AveragingError.oversize(of: "upload of bay", limit: 8, found: 9)) {
      try shape.check(good + [0], from: "bay")
    }
  }

  @Test("Thresholds of the specification's examples")
  func thresholds() {
    for (n, c, t, lost) in [
      (3, 0, 2, 1), (3, 1, 3, 0), (5, 1, 4, 1), (10, 2, 7, 3), (20, 4, 13, 7), (50, 10, 31, 19), (100, 20, 61, 39),
      (255, 25, 141, 114),
    ] {
      let plan = Rehearsal.plan(minimum: 3, colluders: UInt16(c))
      let thresholds = Thresholds(participants: n, plan: plan)
      #expect(thresholds.threshold == t && thresholds.quorum == t && n - t == lost)
      #expect(thresholds.minimumSurvivors == max(3, t))
    }
    var plan = Rehearsal.plan()
    plan.maximumLost = 1
    #expect(Thresholds(participants: 10, plan: plan).minimumSurvivors == 9)
    #expect(Thresholds.defaultColluders(participants: 3) == 0)
    #expect(Thresholds.defaultColluders(participants: 4) == 1)
    #expect(Thresholds.defaultColluders(participants: 25) == 5)
    #expect(Thresholds.defaultMinimumSurvivors(participants: 10, assumedColluders: 2) == 7)
  }

  @Test("Stored values that were tampered with do not decode")
  func malformedStorage() {
    for (text, type) in [
      (#"{"capacity":9223372036854775807,"bytes":""}"#, Bitmap.self as any Decodable.Type),
      (#"{"capacity":3,"bytes":"/w=="}"#, Bitmap.self), (#"{"capacity":3,"bytes":"?"}"#, Bitmap.self),
      (#""sha256:12""#, Digest.self), (#""ed25519:00""#, IdentityKey.self), (#""not base64!""#, Secret.self),
      (#"{"rank":70000,"signature":""}"#, SecureAggregation.Confirmation.self), (#"9"#, RoundKind.self),
    ] {
      #expect(throws: DecodingError.self, "\(text)") { try JSONDecoder().decode(type, from: Data(text.utf8)) }
    }
  }

  @Test("A cohort that one complete graph cannot hold is refused")
  func largestCohort() {
    let plan = Rehearsal.plan()
    #expect(throws: Never.self) { try Thresholds(participants: 255, plan: plan).validate(plan) }
    #expect(throws: AveragingError.cohortFull(limit: 255)) {
      try Thresholds(participants: 256, plan: plan).validate(plan)
    }
    #expect(throws: AveragingError.thresholdUnreachable(threshold: 5, participants: 4)) {
      let greedy = Rehearsal.plan(minimum: 3, colluders: 4)
      try Thresholds(participants: 4, plan: greedy).validate(greedy)
    }
  }

  @Test("Errors have a name for machines and come back as the same case")
  func errors() throws {
    let errors: [(AveragingError, String)] = [
      (.secondRoster, "secondRoster"), (.secondSharerSet, "secondSharerSet"), (.secondSurvivorSet, "secondSurvivorSet"),
      (.overlappingSets, "overlappingSets"), (.uploadNotCounted, "uploadNotCounted"), (.uploadChanged, "uploadChanged"),
      (.stranger("bay"), "stranger"), (.keyTwice("a", "b"), "keyTwice"),
      (.tooFewSurvivors(have: 1, need: 3), "tooFewSurvivors"),
    ]
    for (error, name) in errors {
      #expect(error.name == name)
      #expect(try reborn(error) == error)
      #expect(!error.description.isEmpty)
    }
    #expect(AveragingError.tooFewSurvivors(have: 2, need: 3).description == "2 survivors, expected at least 3")
  }
}
