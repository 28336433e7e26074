import Compression
import Testing

@testable import Updates

@Suite("Model deltas")
struct ModelDeltaTests {
  private func models(_ count: Int, seed: UInt64) -> (given: [Float], wanted: [Float]) {
    var generator = SplitMix64(state: seed)
    let given = (0..<count).map { _ in Float(generator.normal()) }
    return (given, given.map { $0 + Float(generator.normal() / 100) })
  }

  /// One step more than `rounding` allows is half a unit of the sum's last place, 2⁻²⁴ of it.
  private func expectClose(_ reached: [Float], _ wanted: [Float], within rounding: (Int) -> Double) {
    for k in wanted.indices {
      let error = abs(Double(reached[k]) - Double(wanted[k]))
      #expect(error <= rounding(k) * (1 + 1e-6) + abs(Double(wanted[k])) * 0x1p-23)
    }
  }

  @Test("Eight bits: scales, signed bytes and where they lead, by hand")
  func byHand() throws {
    // The largest change is 254, so that the scale is 2: halves of it are 127, 0.5 (to even: 0), 1.5 (to even: 2), −3.
    let given: [Float] = [0, 10, 10, 10]
    let delta = ModelDelta(.int8, count: 4)
    let (bytes, reached) = try delta.encode(from: given, to: [254, 11, 13, 4])
    #expect(reached == [254, 10, 14, 4])
    let (content, length) = try Zstandard.decompressFirst(of: bytes[...], expecting: 8)
    #expect(length == bytes.count)
    #expect(content == [0, 0, 0, 0x40, 127, 0, 2, 0xFD])
  }

  @Test("Sixteen bits: high bytes, then low ones, by hand")
  func byHandBfloat16() throws {
    // 1 is 0x3F80, −2.5 is 0xC020; 1 + 2⁻⁸ lies between 0x3F80 and 0x3F81 and goes to the even one.
    let delta = ModelDelta(.bf16, count: 3)
    let (bytes, reached) = try delta.encode(from: [1, 1, 0], to: [2, -1.5, 1 + 0x1p-8])
    #expect(reached == [2, -1.5, 1])
    let (content, _) = try Zstandard.decompressFirst(of: bytes[...], expecting: 6)
    #expect(content == [0x3F, 0xC0, 0x3F, 0x80, 0x20, 0x80])
  }

  @Test("A step loses at most half a unit of its format", arguments: [1, 255, 256, 257, 5000])
  func bounds(count: Int) throws {
    let (given, wanted) = models(count, seed: UInt64(count))
    let eight = try ModelDelta(.int8, count: count).encode(from: given, to: wanted).reached
    expectClose(eight, wanted) { k in
      let block = k / 256 * 256..<min(k / 256 * 256 + 256, count)
      return block.map { abs(Double(wanted[$0]) - Double(given[$0])) }.max()! / 254
    }
    let sixteen = try ModelDelta(.bf16, count: count).encode(from: given, to: wanted).reached
    // Eight binary digits: half a unit of the last is at most 2⁻⁸ of the number.
    expectClose(sixteen, wanted) { k in abs(Double(wanted[k]) - Double(given[k])) * 0x1p-8 }
  }

  @Test(
    "What is sent leads to the same bits, over one step and over several in one", arguments: ModelDelta.Format.allCases)
  func walked(format: ModelDelta.Format) throws {
    let delta = ModelDelta(format, count: 3000)
    let (given, wanted) = models(3000, seed: 5)
    let first = try delta.encode(from: given, to: wanted)
    #expect(try delta.apply(first.bytes, to: given, steps: 1...1) == first.reached)
    let second = try delta.encode(from: first.reached, to: models(3000, seed: 6).wanted)
    #expect(try delta.apply(first.bytes + second.bytes, to: given, steps: 1...9) == second.reached)
  }

  @Test(
    "A delta is a half or a quarter of the model, and less where little changes", arguments: ModelDelta.Format.allCases)
  func sizes(format: ModelDelta.Format) throws {
    let count = 100_000
    let (given, wanted) = models(count, seed: 7)
    let delta = ModelDelta(format, count: count)
    let dense = try delta.encode(from: given, to: wanted).bytes.count
    #expect(delta.stepByteCount == (format == .bf16 ? 2 * count : count + 4 * 391))
    #expect(dense < delta.stepByteCount)
    let sparse = zip(given, wanted).enumerated().map { $0 % 1000 == 0 ? $1.1 : $1.0 }
    #expect(try delta.encode(from: given, to: sparse).bytes.count < dense / 20)
  }

  @Test("Bytes that are no way of so many steps are refused")
  func refused() throws {
    let delta = ModelDelta(.int8, count: 8)
    let given = [Float](repeating: 1, count: 8)
    let step = try delta.encode(from: given, to: given).bytes
    func refusal(_ bytes: [UInt8], _ steps: ClosedRange<Int> = 1...2) -> UpdateError? {
      do throws(UpdateError) { _ = try delta.apply(bytes, to: given, steps: steps) } catch { return error }
      return nil
    }
    #expect(refusal(step + step) == nil)
    #expect(refusal([]) == .badDelta("it has 0 steps, expected 1"))
    #expect(refusal(step + step + step) == .badDelta("it has more than 2 steps"))
    #expect(refusal(Array(step.dropLast())) == .badDelta("the bytes are no whole Zstandard frame"))
    // Ten thousand numbers of a model that has eight.
    let large = try ModelDelta(.int8, count: 10_000).encode(
      from: [Float](repeating: 0, count: 10_000), to: [Float](repeating: 0, count: 10_000)
    ).bytes
    #expect(refusal(large) == .badDelta("a Zstandard frame holds 10160 bytes, expected 12"))
    // A scale that is no number.
    #expect(refusal(Zstandard.compress([0, 0, 0xC0, 0x7F] + [UInt8](repeating: 1, count: 8))) == .notFinite(index: 0))
  }
}
