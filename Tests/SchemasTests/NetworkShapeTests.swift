import Schemas
import Testing

struct NetworkShapeTests {
  @Test("The layout names weights [out, in] and biases layer by layer")
  func layout() {
    let shape = NetworkShape(inputs: 3, hidden: [4], activation: .relu, classes: 2)
    #expect(shape.outputs == 1 && shape.classCount == 2)
    #expect(
      shape.layout.entries.map(\.name) == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"])
    #expect(shape.layout.entries.map(\.shape) == [[4, 3], [4], [1, 4], [1]])
    #expect(shape.layout.entries.map(\.offset) == [0, 12, 16, 20] && shape.layout.count == 21)
    #expect(NetworkShape(inputs: 3, hidden: [], activation: .relu, classes: 5).layout.count == 20)
  }

  @Test("SplitMix64 gives its published sequence")
  func splitMix() {
    // Of seed 1234567, as in the test of the reference implementation in C by Vigna.
    var generator = SplitMix64(state: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
      16_408_922_859_458_223_821,
    ]
    #expect((0..<5).map { _ in generator.next() } == expected)
  }

  @Test(
    "Training starts from zero biases, a zero last layer, and hidden weights within He's bound that the seed decides")
  func initialParameters() {
    let shape = NetworkShape(inputs: 6, hidden: [50, 10], activation: .gelu, outputs: 3)
    let parameters = shape.initialParameters(seed: 7)
    func values(_ name: String) -> [Float] { Array(parameters.values[parameters.layout.range(of: name)!]) }
    #expect(parameters == shape.initialParameters(seed: 7))
    #expect(parameters != shape.initialParameters(seed: 8))
    #expect((values("layers.2.weight") + values("layers.0.bias") + values("layers.1.bias")).allSatisfy { $0 == 0 })
    let first = values("layers.0.weight")
    #expect(first.allSatisfy { abs($0) <= 1 } && first.max()! > 0.9 && first.min()! < -0.9)
    #expect(values("layers.1.weight").allSatisfy { abs($0) <= Float((6.0 / 50).squareRoot()) })
    // The first draw of the published sequence: its upper 24 bits as a number in [0, 1), stretched to ±√(6 / 6).
    let unit = Double(6_457_827_717_110_365_317 >> 40) / Double(1 << 24)
    #expect(shape.initialParameters(seed: 1_234_567).values[0] == Float(2 * unit - 1))
  }

  @Test("Widths that make no network are refused")
  func refuses() {
    func isValid(_ inputs: Int, _ hidden: [Int], _ outputs: Int) -> Bool {
      let shape = NetworkShape(inputs: inputs, hidden: hidden, activation: .relu, outputs: outputs)
      return (try? shape.validate()) != nil
    }
    #expect(isValid(3, [], 1) && isValid(1, [65536, 2], 3))
    for (inputs, hidden, outputs) in [
      (0, [], 1), (3, [0], 1), (3, [-1], 1), (3, [.max], 1), (3, [], 2), (3, [], 0), (.max, [], 1),
      (1 << 20, [65536], 1), (3, [Int](repeating: 1, count: 17), 1),
    ] { #expect(!isValid(inputs, hidden, outputs)) }
  }
}
