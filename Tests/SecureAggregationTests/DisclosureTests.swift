import Testing

@testable import SecureAggregation

@Suite("Secrets do not print")
struct DisclosureTests {
  /// A value beside others, as it may stand in an error, an optional, a list or a structure of someone else.
  struct Holder {
    var value: Any
    var list: [Any]
    var maybe: Any?
  }

  /// Everything that Swift can be made to say of a value.
  private func said(of value: Any) -> [String] {
    let holder = Holder(value: value, list: [value], maybe: value)
    var dumped = ""
    dump(holder, to: &dumped)
    return [
      "\(value)", String(describing: value), String(reflecting: value), "\(holder)", String(reflecting: holder), dumped,
    ]
  }

  @Test("No description, reflection, interpolation or dump of what holds a secret holds a byte of it")
  func values() throws {
    // 0xAB is 171; four of them as a lane are 2880154539; base64 of such bytes repeats q6ur.
    let bytes = [UInt8](repeating: 0xAB, count: 32)
    let secret = Secret(bytes)
    var rehearsal = try Rehearsal(3)
    rehearsal.members[0].seed = secret
    try rehearsal.begin(0)
    let signer = try IdentitySigner(seed: bytes)
    let keys = RoundKeys(seed: secret)
    let lane: UInt32 = 0xABAB_ABAB
    let input = MaskedInput(vector: [lane], tail: [lane], statistics: [UInt64(lane)])
    let shape = VectorShape(bits: 32, count: 1, tailLanes: 1, statisticLanes: 1)
    let share = ShamirSharing.Share(point: 3, bytes: bytes)
    let known = keys.maskSecret.bytes + keys.selfSecret.bytes + keys.maskScalar.bytes
    let values: [Any] = [
      secret, signer, rehearsal.members[0].round!, keys, MaskKeys.own(secret, rank: 0, transcript: .zero), input,
      MaskedLanes(input, shape: shape), share, SecretRecovery.Recovered(secret: bytes, wrong: []),
    ]
    for value in values {
      for text in said(of: value) {
        let text = text.lowercased()
        #expect(
          !text.contains("abab") && !text.contains("171") && !text.contains("2880154539") && !text.contains("q6ur"))
        for start in stride(from: 0, to: known.count, by: 8) {
          #expect(!text.contains(Array(known[start..<start + 4]).hexadecimal))
        }
      }
    }
    #expect("\(secret)" == "secret of 32 bytes" && String(reflecting: secret) == "secret of 32 bytes")
    #expect("\(signer)" == "signer of \(signer.publicKey)")
    #expect("\(share)" == "share of 32 bytes at 3")
    #expect("\(input)" == "input of 1, 1 and 1 lanes")
  }

  @Test("Cleansed bytes and words are zero, and other holders of the array keep theirs")
  func cleansing() {
    var bytes = [UInt8](repeating: 7, count: 40)
    let copy = bytes
    Primitives.cleanse(&bytes)
    #expect(bytes == [UInt8](repeating: 0, count: 40) && copy == [UInt8](repeating: 7, count: 40))
    var words = [UInt64](repeating: .max, count: 3)
    Primitives.cleanse(&words)
    #expect(words == [0, 0, 0])
    var nothing: [UInt8] = []
    Primitives.cleanse(&nothing)
    #expect(nothing.isEmpty)
  }
}
