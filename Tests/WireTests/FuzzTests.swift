import Federation
import Foundation
import SecureAggregation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Messages that are almost right")
struct FuzzTests {
  /// SplitMix64.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }

    mutating func mutated(_ original: [UInt8]) -> [UInt8] {
      var bytes = original
      for _ in 0..<Int.random(in: 1...3, using: &self) where !bytes.isEmpty {
        let place = Int.random(in: bytes.indices, using: &self)
        let end = Int.random(in: place...min(bytes.count, place + 8), using: &self)
        switch Int.random(in: 0..<6, using: &self) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &self)
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 4: bytes.insert(UInt8.random(in: 0...255, using: &self), at: place)
        default: bytes.removeSubrange(place...)
        }
      }
      return bytes
    }
  }

  /// One field of a message as it travels: its number and kind, and its content.
  private struct Field {
    enum Content {
      case number(UInt64)
      case fixed([UInt8])
      case bytes([UInt8])
    }
    var key: UInt64
    var content: Content

    /// nil when the bytes are not a list of fields.
    static func list(_ bytes: [UInt8]) -> [Field]? {
      var rest = bytes[...]
      func number() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
          guard let byte = rest.popFirst() else { return nil }
          value |= UInt64(byte & 0x7F) << UInt64(shift)
          if byte & 0x80 == 0 { return value }
        }
        return nil
      }
      func take(_ count: UInt64) -> [UInt8]? {
        guard count <= UInt64(rest.count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return Array(rest.prefix(Int(count)))
      }
      var fields: [Field] = []
      while !rest.isEmpty {
        guard let key = number(), key >> 3 > 0 else { return nil }
        switch key & 7 {
        case 0: fields.append(Field(key: key, content: .number(number() ?? 0)))
        case 1: fields.append(Field(key: key, content: .fixed(take(8) ?? [])))
        case 2:
          guard let count = number(), let bytes = take(count) else { return nil }
          fields.append(Field(key: key, content: .bytes(bytes)))
        case 5: fields.append(Field(key: key, content: .fixed(take(4) ?? [])))
        default: return nil
        }
      }
      return fields
    }

    static func bytes(_ fields: [Field]) -> [UInt8] {
      func number(_ value: UInt64) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + number(value >> 7)
      }
      return fields.flatMap { field in
        number(field.key)
          + {
            switch field.content {
            case .number(let value): number(value)
            case .fixed(let bytes): bytes
            case .bytes(let bytes): number(UInt64(bytes.count)) + bytes
            }
          }()
      }
    }
  }

  /// One field changed, left out or repeated at some depth, and the lengths around it made to fit: what a careful liar sends.
  private func refitted(_ original: [UInt8], _ generator: inout Generator) -> [UInt8] {
    guard var fields = Field.list(original), !fields.isEmpty else { return generator.mutated(original) }
    let place = Int.random(in: fields.indices, using: &generator)
    switch (Int.random(in: 0..<8, using: &generator), fields[place].content) {
    case (0, _): fields.remove(at: place)
    case (1, _): fields.insert(fields[place], at: place)
    case (_, .number):
      let numbers = [0, 1, 255, 256, 65_535, 65_536, UInt64(UInt32.max), .max]
      fields[place].content = .number(numbers.randomElement(using: &generator)!)
    case (_, .fixed(let bytes)): fields[place].content = .fixed(bytes.shuffled(using: &generator))
    case (_, .bytes(let bytes)): fields[place].content = .bytes(refitted(bytes, &generator))
    }
    return Field.bytes(fields)
  }

  /// What decodes as a message is a value that comes back as it is, or is refused as malformed or too large.
  private func check<Value: Equatable, Message: SwiftProtobuf.Message>(
    _ value: Value, as _: Message.Type, write: (Value) -> Message, read: (Message) throws -> Value
  ) throws {
    var generator = Generator(state: 1)
    let original = try write(value).serializedBytes() as [UInt8]
    var refused = 0
    var taken = 0
    for attempt in 0..<500 {
      let changed = attempt.isMultiple(of: 2) ? generator.mutated(original) : refitted(original, &generator)
      guard let message = try? Message(serializedBytes: changed) else { continue }
      do {
        let found = try read(message)
        let again = try Message(serializedBytes: write(found).serializedBytes() as [UInt8])
        #expect(try read(again) == found, "\(Value.self)")
        taken += 1
      } catch {
        #expect(error is WireError, "\(Value.self): \(error)")
        refused += 1
      }
    }
    #expect(taken > 0 && refused > 0, "\(Value.self)")
  }

  @Test("Whatever is done to the bytes of a message, it is refused by name or is a value that comes back")
  func averaging() throws {
    // A real number that is not one differs from itself, and so there are none in what is compared.
    try check(
      Samples.advert(Samples.peers[0]), as: Tributary_V1_SignedAdvert.self, write: { .init($0) },
      read: { try .init($0) })
    try check(Samples.roster, as: Tributary_V1_Roster.self, write: { .init($0) }, read: { try .init($0) })
    try check(
      Samples.shares, as: Tributary_V1_ShareMessage.self, write: { .init($0) }, read: { try .init($0) })
    try check(
      Samples.delivery, as: Tributary_V1_ShareDelivery.self, write: { .init($0) }, read: { try .init($0) })
    try check(
      Samples.upload(1).statement, as: Tributary_V1_UploadStatement.self, write: { .init($0) }, read: { try .init($0) })
    try check(
      Samples.survivors, as: Tributary_V1_SurvivorSet.self, write: { .init($0) }, read: { try .init($0) })
    try check(
      Samples.confirmation, as: Tributary_V1_Confirmation.self, write: { .init($0) }, read: { try .init($0) })
    try check(Samples.quorum, as: Tributary_V1_Quorum.self, write: { .init($0) }, read: { try .init($0) })
    try check(
      Samples.answer, as: Tributary_V1_UnmaskAnswer.self, write: { .init($0) }, read: { try .init($0) })
    try check(
      Samples.plan.signature, as: Tributary_V1_SignedRoundPlan.self,
      write: { signature in
        var plan = Samples.plan
        plan.signature = signature
        return .init(plan)
      }, read: { try SignedRoundPlan($0).signature })
    try check(
      Samples.close(5).close.modelOut, as: Tributary_V1_SignedRoundClose.self,
      write: { model in
        var close = Samples.close(5)
        close.close.modelOut = model
        return .init(close)
      }, read: { try SignedRoundClose($0).close.modelOut })
  }
}
