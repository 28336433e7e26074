import Tensors
import Testing
import Updates

@testable import Federation

@Suite("The model that goes down")
struct DownwardModelTests {
  private func parameters(_ values: [Float]) -> Parameters {
    Parameters(layout: ParameterLayout([(name: "w", shape: [values.count])]), values: values)
  }

  @Test("Without deltas the model is the exact one")
  func whole() throws {
    let next = try DownwardModel(from: parameters([1, 2]), to: parameters([1.1, 2.3]), residue: nil, delta: nil)
    #expect(next.parameters.values == [1.1, 2.3])
    #expect(next.delta == nil)
    #expect(next.residue == nil)
  }

  @Test("What a delta rounds away arrives later, and what it leads to is what a participant walks to")
  func residue() throws {
    // The first number moves by 127 a round, the second by 0.25: a quarter of the grid's step of 1, which is rounded away in
    // a round. With what was left out added, the steps are 0, 0 (0.5, to even), 1 (0.75) and 0.
    let delta = ModelDelta(.int8, count: 2)
    var given = parameters([0, 0])
    var held: [Float] = [0, 0]
    var residue: [UInt8]?
    var path: [Float] = []
    for _ in 0..<4 {
      let wanted = parameters([given.values[0] + 127, given.values[1] + 0.25])
      let next = try DownwardModel(from: given, to: wanted, residue: residue, delta: delta)
      held = try delta.apply(try #require(next.delta), to: held, steps: 1...1)
      #expect(held == next.parameters.values)
      given = next.parameters
      residue = next.residue
      path.append(given.values[1])
    }
    #expect(path == [0, 0, 1, 1])
    #expect(given.values == [4 * 127, 1])
    #expect(residue == [UInt8](repeating: 0, count: 8))
  }
}
