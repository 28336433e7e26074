import Compression
import Testing

@testable import Updates

@Suite("Updates without masks")
struct ClearUpdateTests {
  private func norm(_ x: [Float]) -> Double { x.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() }

  private func signs(_ rotation: Rotation, _ generator: inout SplitMix64) -> RotationSigns {
    (pass1: generator.bytes(rotation.passSignBytes), pass2: generator.bytes(rotation.passSignBytes))
  }

  /// The update itself, rotated back in double precision.
  private func returned(_ update: ClearUpdate, _ x: [Float], _ generator: inout SplitMix64) throws -> [Double] {
    let rotation = try #require(update.rotation)
    let signs = signs(rotation, &generator)
    let bytes = update.encode(x, signs: signs)
    #expect(bytes.count == update.byteCount)
    return rotation.inverse(try update.decode(bytes).map(Double.init), signs: signs)
  }

  @Test("Four bits cost D/(1 − D) = 0.0096 of an update's square, and are right on average over the rotations")
  func rotated() throws {
    let count = 4096
    var generator = SplitMix64(state: 11)
    // Uneven on purpose: the rotation makes it normal.
    let x = (0..<count).map { k in Float(generator.normal() * (k % 64 == 0 ? 10 : 0.1)) }
    let update = ClearUpdate(.rotated, count: count)
    #expect(update.byteCount == 4 + count / 2)
    let square = norm(x) * norm(x)
    let trials = 64
    var sum = [Double](repeating: 0, count: count)
    var errors = 0.0
    for _ in 0..<trials {
      let found = try returned(update, x, &generator)
      for k in 0..<count {
        sum[k] += found[k]
        errors += (found[k] - Double(x[k])) * (found[k] - Double(x[k])) / square
      }
    }
    // Max's 0.009497 for the distortion D of sixteen levels.
    let expected = 0.009497 / (1 - 0.009497)
    #expect(abs(errors / Double(trials) / expected - 1) < 0.03)
    // The mean of unbiased errors shrinks with their number: 64 times, give or take its own spread.
    var left = 0.0
    for k in 0..<count {
      let error = sum[k] / Double(trials) - Double(x[k])
      left += error * error / square
    }
    #expect(abs(left / (expected / Double(trials)) - 1) < 0.15)
  }

  @Test("A sparse update has the largest elements to 1/254 of the largest, by hand")
  func sparse() throws {
    let update = ClearUpdate(.sparse(part: 0.3), count: 10)  // three of ten
    #expect(update.kept == 3)
    let bytes = update.encode([0, 1, -127, 0, 3.4, 0, 1, 0, 0, -2], signs: nil)
    let (content, _) = try Zstandard.decompressFirst(of: bytes[...], expecting: update.byteCount)
    // Scale 1, marks of 2, 4 and 9, and −127, 3, −2.
    #expect(content == [0, 0, 0x80, 0x3F, 0b0001_0100, 0b10, 0x81, 3, 0xFE])
    #expect(try update.decode(bytes) == [0, 0, -127, 0, 3, 0, 0, 0, 0, -2])
  }

  @Test("Of equal elements the first are taken, and an update of nothing is nothing")
  func ties() throws {
    let update = ClearUpdate(.sparse(part: 0.5), count: 4)
    #expect(try update.decode(update.encode([127, -127, 127, 127], signs: nil)) == [127, -127, 0, 0])
    #expect(try update.decode(update.encode([0, 0, 0, 0], signs: nil)) == [0, 0, 0, 0])
    let rotated = ClearUpdate(.rotated, count: 4)
    let none = rotated.encode([0, 0, 0, 0], signs: (pass1: [0], pass2: [0]))
    #expect(try rotated.decode(none).allSatisfy { $0 == 0 })
  }

  @Test("The largest elements are those of a sort", arguments: [1, 7, 500, 1000])
  func largest(kept: Int) throws {
    var generator = SplitMix64(state: UInt64(kept))
    let x = (0..<1000).map { _ in Float(generator.normal()) }
    let update = ClearUpdate(.sparse(part: Double(kept) / 1000), count: 1000)
    let found = try update.decode(update.encode(x, signs: nil))
    let largest = x.indices.sorted { x[$0].magnitude > x[$1].magnitude }.prefix(kept)
    let half = Double(x.map(\.magnitude).max()!) / 254
    for k in largest { #expect(abs(Double(found[k]) - Double(x[k])) <= half * (1 + 1e-6)) }
    let rest = Set(x.indices).subtracting(largest)
    #expect(rest.allSatisfy { found[$0] == 0 })
  }

  @Test("Five in a hundred, in 8 bits, are a thirtieth of binary32 or less")
  func ratio() {
    var generator = SplitMix64(state: 3)
    let x = (0..<100_000).map { _ in Float(generator.normal()) }
    let update = ClearUpdate(.sparse(part: 0.05), count: x.count)
    let bytes = update.encode(x, signs: nil)
    #expect(bytes.count <= update.largestByteCount)
    #expect(30 * bytes.count <= 4 * x.count)
  }

  @Test("What is no update of the round is refused")
  func refused() {
    let rotated = ClearUpdate(.rotated, count: 3)  // padded to four
    let sparse = ClearUpdate(.sparse(part: 0.5), count: 4)
    func refusal(_ update: ClearUpdate, _ bytes: [UInt8]) -> UpdateError? {
      do throws(UpdateError) { _ = try update.decode(bytes) } catch { return error }
      return nil
    }
    #expect(refusal(rotated, [0, 0, 0x80, 0x3F, 0x10, 0x32]) == nil)
    let noNumber = UpdateError.badUpdate("its scale is no number of 0 or more")
    #expect(refusal(rotated, [0, 0, 0xC0, 0x7F, 0, 0]) == noNumber)
    #expect(refusal(rotated, [0, 0, 0x80, 0xBF, 0, 0]) == noNumber)
    #expect(refusal(rotated, [0, 0, 0x80, 0x3F, 0]) == .badUpdate("it has 5 bytes, expected 6"))
    func frame(_ content: [UInt8]) -> [UInt8] { Zstandard.compress(content) }
    let scale: [UInt8] = [0, 0, 0x80, 0x3F]
    #expect(refusal(sparse, frame(scale + [0b0101, 1, 1])) == nil)
    #expect(refusal(sparse, frame(scale + [0b0111, 1, 1])) == .badUpdate("it does not mark 2 coordinates"))
    #expect(refusal(sparse, frame(scale + [0b1_0001, 1, 1])) == .badUpdate("its spare bits are not zero"))
    #expect(refusal(sparse, frame([0, 0, 0x80, 0x7F, 0b0101, 1, 1])) == noNumber)
    #expect(
      refusal(sparse, frame([UInt8](repeating: 0, count: 1 << 20)))
        == .badUpdate("a Zstandard frame holds 1048576 bytes, expected 7"))
    let two = frame(scale + [0b0101, 1, 1]) + frame([])
    #expect(refusal(sparse, two) == .badUpdate("the bytes are no whole Zstandard frame"))
  }

  @Test("An update that is longer than it may be is cut to that, and the sum does not depend on the order")
  func bounded() throws {
    #expect(ClearUpdate.bound([3, 4], to: 5) == 1)
    #expect(abs(ClearUpdate.bound([300, 400], to: 5) - 5 * 1.02 / 500) < 1e-12)
    let grid = UpdateGrid(addingClear: 2, clipNorm: 5)
    var one = [UInt32](repeating: 0, count: 2)
    ClearUpdate.add([3, 4], factor: 1, to: &one, grid: grid)
    ClearUpdate.add([-1, 0.5], factor: 2, to: &one, grid: grid)
    var other = [UInt32](repeating: 0, count: 2)
    ClearUpdate.add([-1, 0.5], factor: 2, to: &other, grid: grid)
    ClearUpdate.add([3, 4], factor: 1, to: &other, grid: grid)
    #expect(one == other)
    // Weights 1 and 1 of at most 1: the mean of (3, 4) and (−2, 1).
    let (mean, norm) = ClearUpdate.mean(sum: one, totalWeight: 2, maximumWeight: 1, grid: grid)
    #expect(abs(mean[0] - 0.5) < 1e-7 && abs(mean[1] - 2.5) < 1e-7)
    #expect(abs(norm - (0.25 + 6.25).squareRoot()) < 1e-6)
  }
}
