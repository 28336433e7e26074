import SecureAggregation
import Testing

@testable import Identities

struct InviteLineTests {
  /// 32 bytes 0, 1, …, 31: in base64url, from RFC 4648 by hand with any encoder, `AAECAwQF…Hh8`.
  static let token = InviteToken(bytes: Array(0..<32))!
  static let authority = Digest(sha256: Array("abc".utf8))
  static let line =
    "tributary://coordinator.example:7450/join?name=st-mary"
    + "&ca=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    + "&token=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

  @Test("An invitation line is printed and read back as the same invitation")
  func roundTrip() throws {
    let invite = try InviteLine(
      host: "coordinator.example", port: 7450, name: "st-mary", authority: Self.authority, token: Self.token)
    #expect(invite.line == Self.line)
    #expect(try InviteLine("  \(Self.line)\n") == invite)
  }

  @Test("An IPv6 address stands in brackets in the line and without them in the value")
  func brackets() throws {
    let invite = try InviteLine(host: "::1", port: 1, name: "a", authority: Self.authority, token: Self.token)
    #expect(invite.line.hasPrefix("tributary://[::1]:1/join?"))
    #expect(try InviteLine(invite.line) == invite)
  }

  @Test(
    "A damaged line is refused as a malformed invitation or name",
    arguments: [
      "", "hello", "https://coordinator.example:7450/join",
      line.replacing(":7450", with: ""), line.replacing(":7450", with: ":0"), line.replacing(":7450", with: ":70000"),
      line.replacing("/join", with: "/leave"), line.replacing("name=st-mary", with: "name=St-Mary"),
      line.replacing("name=st-mary&", with: ""), line.replacing("ca=ba78", with: "ca=ba7"),
      line.replacing("token=AAEC", with: "token="), String(line.dropLast()), line + "A", line + "&token=x",
      line + "&colour=red", line.replacing("AAEC", with: "AA+C"), line.replacing("coordinator.example", with: ""),
    ])
  func damaged(text: String) {
    #expect {
      try InviteLine(text)
    } throws: { error in
      switch error as? IdentityError {
      case .malformedInvite, .invalidName: true
      default: false
      }
    }
  }

  @Test("Neither a token nor an invitation prints its secret")
  func secrets() throws {
    let invite = try InviteLine(Self.line)
    for text in ["\(invite)", "\(invite.token)"] { #expect(!text.contains("AAECAwQF")) }
  }

  @Test("The coordinator stores SHA-256 of the token")
  func digest() {
    // printf '\000\001…\037' | sha256sum
    #expect(Self.token.digest.hex == "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd")
  }
}

struct NamesTests {
  @Test(
    "A name has 1 to 63 characters of a-z, 0-9 and -", arguments: ["a", "st-mary-2", String(repeating: "x", count: 63)])
  func good(name: String) throws {
    try Names.validate(name: name)
  }

  @Test(
    "Any other name is refused",
    arguments: ["", "A", "st mary", "st_mary", "zürich", "a/b", "a\n", String(repeating: "x", count: 64)])
  func bad(name: String) {
    #expect(throws: IdentityError.invalidName(name)) { try Names.validate(name: name) }
  }

  @Test("An organisation is 1 to 100 printable characters")
  func organisations() throws {
    try Names.validate(organisation: "Universitätsspital Zürich")
    for bad in ["", "  ", "a\nb", "a\u{1B}[2J", "a\u{202E}b", String(repeating: "x", count: 101)] {
      #expect(throws: IdentityError.invalidOrganisation) { try Names.validate(organisation: bad) }
    }
  }
}
