import Tensors
import Testing

/// The weights of a GGUF file that holds one tensor of these bytes.
private func weights(_ content: [UInt8], _ type: TensorType, count: Int) throws -> [Float] {
  let tensor = GGUF.Tensor(name: "w", type: type, shape: [count], bytes: content)
  let file = try GGUFFile(ReadOnlyFile(bytes: GGUF.encoded(metadata: [], tensors: [tensor]), path: "x"))
  return try file.floats(#require(file.tensor("w")))
}

struct QuantisationTests {
  // The expected values of the first four are those of the gguf package, `gguf.quants.dequantize` and `quantize`.

  @Test("A block of Q4_0 has the weights that the gguf package reads")
  func q4_0() throws {
    let block = bytes("4c22e5f1a94106a0956a26afbccdafe562f9")
    let expected: [Float] = [
      -0.036895751953125, -0.086090087890625, 0.012298583984375, -0.086090087890625, -0.02459716796875,
      -0.098388671875, -0.036895751953125, 0.02459716796875, -0.02459716796875, 0.086090087890625, 0.0491943359375,
      0.061492919921875, 0.086090087890625, -0.036895751953125, -0.07379150390625, 0.012298583984375,
      0.07379150390625, 0.086090087890625, 0.02459716796875, -0.0491943359375, -0.098388671875, 0.02459716796875,
      0.012298583984375, -0.02459716796875, -0.07379150390625, 0.02459716796875, 0.036895751953125,
      0.0491943359375, 0.02459716796875, 0.07379150390625, -0.02459716796875, 0.086090087890625,
    ]
    #expect(try weights(block + block, .q4_0, count: 64) == expected + expected)
  }

  @Test("A block of Q4_1 has the weights that the gguf package reads")
  func q4_1() throws {
    let block = bytes("4c2200bf42276ad5ab2da7394551370e99b2d74c")
    let expected: [Float] = [
      -1.72540283203125, -1.663909912109375, -1.62701416015625, -1.688507080078125, -1.614715576171875,
      -1.590118408203125, -1.663909912109375, -1.639312744140625, -1.688507080078125, -1.737701416015625,
      -1.663909912109375, -1.57781982421875, -1.639312744140625, -1.72540283203125, -1.663909912109375,
      -1.6024169921875, -1.7008056640625, -1.72540283203125, -1.67620849609375, -1.590118408203125,
      -1.62701416015625, -1.72540283203125, -1.62701416015625, -1.713104248046875, -1.7008056640625,
      -1.688507080078125, -1.713104248046875, -1.75, -1.639312744140625, -1.614715576171875, -1.590118408203125,
      -1.7008056640625,
    ]
    #expect(try weights(block + block, .q4_1, count: 64) == expected + expected)
  }

  @Test("A block of Q8_0 has the weights that the gguf package reads")
  func q8_0() throws {
    let block = bytes("4c22fa48d732a1df70aca1e926115901dd06f27f8f063cd25e19a621f9bd0ccc2139")
    let expected: [Float] = [
      -0.07379150390625, 0.885498046875, -0.504241943359375, 0.61492919921875, -1.168365478515625,
      -0.405853271484375, 1.37744140625, -1.0330810546875, -1.168365478515625, -0.282867431640625,
      0.46734619140625, 0.209075927734375, 1.094573974609375, 0.012298583984375, -0.430450439453125,
      0.07379150390625, -0.17218017578125, 1.561920166015625, -1.389739990234375, 0.07379150390625,
      0.7379150390625, -0.56573486328125, 1.15606689453125, 0.307464599609375, -1.10687255859375,
      0.405853271484375, -0.086090087890625, -0.824005126953125, 0.1475830078125, -0.6395263671875,
      0.405853271484375, 0.701019287109375,
    ]
    #expect(try weights(block + block, .q8_0, count: 64) == expected + expected)
  }

  @Test("Q8_0 is written as the gguf package writes it")
  func writesQ8() throws {
    let values: [Float] = [
      1.4695261716842651, 1.0706610679626465, 0.3162427544593811, -2.7914042472839355, -0.0877554640173912, 0.0,
      -4.032643795013428, -1.372847318649292, -5.703668117523193, -3.8686132431030273, -5.525205135345459,
      -0.7052733898162842, -3.802339553833008, 0.8137930631637573, 0.47025325894355774, -0.560792863368988,
      -7.550279140472412, -1.6160787343978882, -0.14550283551216125, 0.33992695808410645, -4.590407371520996,
      -1.4332598447799683, -2.9355571269989014, -2.426511764526367, 3.1826958656311035, -2.4226040840148926,
      -0.09756511449813843, 2.653169631958008, -1.7508013248443604, -0.335105836391449, 0.33139243721961975,
      0.19134531915187836,
    ]
    #expect(
      Quantisation.quantise(values, as: .q8_0)
        == bytes("9c2b191205d1ff00bce9a0bfa3f4c00e08f781e5fe06b3e8cfd736d7fe2de3fa0603"))
    let halves: [Float] = [127, 0.5, 1.5, -0.5, -2.5, -127] + [Float](repeating: 0, count: 26)
    #expect(
      Quantisation.quantise(halves, as: .q8_0) == bytes("003c7f0102fffd81") + [UInt8](repeating: 0, count: 26))
    let zeros = [Float](repeating: 0, count: 32)
    #expect(Quantisation.quantise(zeros, as: .q8_0) == [UInt8](repeating: 0, count: 34))
  }

  @Test("Q8_0 keeps each weight to half a step of its block, and F32, F16 and BF16 keep what they can hold")
  func roundTrips() throws {
    var generator = SplitMix64(state: 2)
    let values = (0..<320).map { _ in Float.random(in: -4...4, using: &generator) }
    let read = try weights(#require(Quantisation.quantise(values, as: .q8_0)), .q8_0, count: 320)
    for start in stride(from: 0, to: 320, by: 32) {
      let largest = values[start..<start + 32].map(\.magnitude).max()!
      for k in start..<start + 32 {
        // Half a step of rounding, and the rounding of the step itself to 11 bits.
        #expect(abs(read[k] - values[k]) <= largest / 127 / 2 + largest * 0x1p-11)
      }
    }
    let exact = (0..<256).map { (Float($0) - 128) / 8 }
    for type in [TensorType.f32, .f16, .bf16] {
      #expect(try weights(#require(Quantisation.quantise(exact, as: type)), type, count: 256) == exact)
    }
  }

  @Test("The 4-bit types are read and not written")
  func notWritten() {
    let values = [Float](repeating: 1, count: 32)
    #expect(Quantisation.quantise(values, as: .q4_0) == nil)
    #expect(Quantisation.quantise(values, as: .q4_1) == nil)
  }
}
