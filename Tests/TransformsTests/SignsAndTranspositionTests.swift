import Testing

@testable import Transforms

@Suite("Signs and transposition")
struct SignsAndTranspositionTests {
  @Test("Bit k mod 8 of byte k / 8 negates element k")
  func signs() {
    let bits: [UInt8] = [0b1000_0101, 0b0000_0010]  // elements 0, 2, 7 and 9
    let expected: [Double] = [-1, 2, -3, 4, 5, 6, 7, -8, 9, -10, 11]
    var single = (1...11).map(Float.init)
    var span = single.mutableSpan
    Signs.apply(&span, bits: bits.span)
    #expect(single == expected.map(Float.init))
    var double = (1...11).map(Double.init)
    var doubles = double.mutableSpan
    Signs.apply(&doubles, bits: bits.span)
    #expect(double == expected)
  }

  @Test("The stride is the least number from ⌊D·0x9E3779B9/2³²⌋ on that is coprime to D")
  func strides() {
    // 2³²/φ = 2654435769 = 0x9E3779B9. By hand: 4/φ = 2.47, 2 is not coprime; 6/φ = 3.7, 3 and 4 are not;
    // 32/φ = 19.78; 256/φ = 158.2; 320/φ = 197.8; 32772/φ = 20254.2, 20254 is even and 20255 = 5·4051 shares nothing
    // with 32772 = 4·3·2731.
    let expected = [1: 0, 2: 1, 3: 1, 4: 3, 6: 5, 32: 19, 256: 159, 320: 197, 32772: 20255]
    for (count, stride) in expected { #expect(Transposition.stride(count: count) == stride) }
  }

  @Test("Output p takes input p·g mod D, and the inverse puts it back")
  func transposition() {
    let x: [Float] = [10, 11, 12, 13]
    var y = [Float](repeating: 0, count: 4)
    var span = y.mutableSpan
    Transposition.forward(&span, x: x.span, stride: 3)
    #expect(y == [10, 13, 12, 11])
    let doubles = y.map(Double.init)
    var back = [Double](repeating: 0, count: 4)
    var output = back.mutableSpan
    Transposition.inverse(&output, x: doubles.span, stride: 3)
    #expect(back == [10, 11, 12, 13])
  }
}
