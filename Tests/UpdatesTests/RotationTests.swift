import Testing

@testable import Updates

@Suite("Rotation")
struct RotationTests {
  @Test("A dimension is split by its binary digits from 2¹⁵ to 2⁸, and only the rest is padded")
  func blocks() {
    #expect(Rotation(dimension: 1).blocks == [1])
    #expect(Rotation(dimension: 20).blocks == [32])
    #expect(Rotation(dimension: 255).blocks == [256])
    #expect(Rotation(dimension: 256).blocks == [256])
    #expect(Rotation(dimension: 257).blocks == [256, 1])
    #expect(Rotation(dimension: 32_771).blocks == [32_768, 4])
    // 100,000 = 3·2¹⁵ + 2¹⁰ + 2⁹ + 160
    #expect(Rotation(dimension: 100_000).blocks == [32_768, 32_768, 32_768, 1024, 512, 256])
    #expect(Rotation(dimension: 100_000).paddedCount == 100_096)
    #expect(Rotation(dimension: 100_000).passSignBytes == 12_512)
    #expect(Rotation(dimension: 20).passSignBytes == 4)
  }

  @Test("Two coordinates are rotated as worked out by hand")
  func byHand() {
    let rotation = Rotation(dimension: 2)
    // Signs (−, +): (−1, 2) → (1, −3)/√2. Signs (+, −): (1, 3)/√2 → (4, −2)/2.
    let rotated = rotation.forward([1, 2], signs: (pass1: [0b01], pass2: [0b10]))
    #expect(abs(rotated[0] - 2) < 1e-6 && abs(rotated[1] + 1) < 1e-6)
    let back = rotation.inverse([2, -1], signs: (pass1: [0b01], pass2: [0b10]))
    #expect(abs(back[0] - 1) < 1e-15 && abs(back[1] - 2) < 1e-15)
  }

  @Test("The rotation is the product of its definition: signs, blocks, transposition, signs, blocks")
  func definition() {
    var generator = SplitMix64(state: 5)
    let rotation = Rotation(dimension: 300)  // 256 + 64, g = 197
    let signs = (pass1: generator.bytes(40), pass2: generator.bytes(40))
    let x = (0..<300).map { _ in Float(generator.normal()) }
    let padded = x.map(Double.init) + [Double](repeating: 0, count: 20)
    let first = pass(padded, signs: signs.pass1)
    let expected = pass((0..<320).map { first[$0 * 197 % 320] }, signs: signs.pass2)
    for (found, expected) in zip(rotation.forward(x, signs: signs), expected) {
      #expect(abs(Double(found) - expected) < 1e-5)
    }
  }

  @Test("A factor scales the vector in double precision, rounded once, before anything is rotated")
  func factor() {
    var generator = SplitMix64(state: 9)
    let rotation = Rotation(dimension: 300)
    let signs = (pass1: generator.bytes(40), pass2: generator.bytes(40))
    let x = (0..<300).map { _ in Float(generator.normal()) }
    let scaled = x.map { Float(Double($0) * 0.3) }
    #expect(rotation.forward(x, factor: 0.3, signs: signs) == rotation.forward(scaled, signs: signs))
  }

  @Test("Norms are kept and the inverse gives the vector back", arguments: [1, 2, 20, 257, 32_771, 70_000])
  func orthogonal(dimension: Int) {
    var generator = SplitMix64(state: UInt64(dimension))
    let rotation = Rotation(dimension: dimension)
    let signs = (
      pass1: generator.bytes(rotation.passSignBytes), pass2: generator.bytes(rotation.passSignBytes)
    )
    let x = (0..<dimension).map { _ in Float(generator.heavyTailed()) }
    let y = rotation.forward(x, signs: signs).map(Double.init)
    let norm = x.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(y.reduce(0.0) { $0 + $1 * $1 }.squareRoot() - norm) < 1e-5 * norm)
    let back = rotation.inverse(y, signs: signs)
    #expect(back.count == dimension)
    let error = zip(back, x).reduce(0.0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }.squareRoot()
    #expect(error < 1e-5 * norm)
  }

  @Test("A single spike and a constant vector spread until no coordinate passes 6.5 deviations")
  func spreads() {
    var generator = SplitMix64(state: 11)
    let dimension = 40_000
    let rotation = Rotation(dimension: dimension)
    let signs = (
      pass1: generator.bytes(rotation.passSignBytes), pass2: generator.bytes(rotation.passSignBytes)
    )
    var spike = [Float](repeating: 0, count: dimension)
    spike[12_345] = 1
    let constant = [Float](repeating: Float(1 / Double(dimension).squareRoot()), count: dimension)
    for x in [spike, constant] {
      let largest = rotation.forward(x, signs: signs).map(abs).max()!
      #expect(Double(largest) < 6.5 / Double(rotation.paddedCount).squareRoot())
    }
  }

  private func pass(_ x: [Double], signs: [UInt8]) -> [Double] {
    let signed = x.indices.map { signs[$0 / 8] >> UInt8($0 % 8) & 1 == 1 ? -x[$0] : x[$0] }
    var y: [Double] = []
    for (start, count) in [(0, 256), (256, 64)] {
      for i in 0..<count {
        var sum = 0.0
        for j in 0..<count { sum += (i & j).nonzeroBitCount % 2 == 0 ? signed[start + j] : -signed[start + j] }
        y.append(sum / Double(count).squareRoot())
      }
    }
    return y
  }
}
