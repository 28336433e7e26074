import Foundation
public import SecureAggregation

/// The one line that makes a participant: where the coordinator is, how to know it, and a single-use secret.
///
/// `tributary://HOST:PORT/join?name=NAME&ca=SHA256-HEX&token=TOKEN`, the token in unpadded base64url (43 characters). It
/// holds no organisation: that is the invitation's, on the coordinator, and comes back in the certificate.
public struct InviteLine: Sendable, Hashable, CustomStringConvertible {
  /// A DNS name, an IPv4 address, or an IPv6 address without brackets.
  public let host: String
  public let port: Int
  public let name: String
  /// SHA-256 of the authority's certificate (DER).
  public let authority: Digest
  public let token: InviteToken

  public init(host: String, port: Int, name: String, authority: Digest, token: InviteToken) throws(IdentityError) {
    guard (1...65535).contains(port) else { throw .malformedInvite("port \(port) is not within 1 to 65535") }
    guard Self.isHost(host) else {
      throw .malformedInvite("\"\(host.prefix(80))\" is not a host")
    }
    try Names.validate(name: name)
    self.host = host
    self.port = port
    self.name = name
    self.authority = authority
    self.token = token
  }

  /// The line to give to the data owner. It is as secret as the token in it.
  public var line: String {
    let address = host.contains(":") ? "[\(host)]" : host
    return "tributary://\(address):\(port)/join?name=\(name)&ca=\(authority.hex)&token=\(Base64URL.encode(token.bytes))"
  }

  /// Reads a line as `tributary invite` prints it. White space around it is ignored.
  public init(_ text: String) throws(IdentityError) {
    let line = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard line.hasPrefix("tributary://") else { throw .malformedInvite("it does not begin with tributary://") }
    guard let url = URLComponents(string: line), let host = url.host, let port = url.port else {
      throw .malformedInvite("no host and port")
    }
    guard url.path == "/join" else { throw .malformedInvite("expected /join after the port") }
    var values: [String: String] = [:]
    for item in url.queryItems ?? [] {
      guard ["name", "ca", "token"].contains(item.name) else { throw .malformedInvite("unknown part \"\(item.name)\"") }
      guard values.updateValue(item.value ?? "", forKey: item.name) == nil else {
        throw .malformedInvite("\(item.name) stands there twice")
      }
    }
    guard let name = values["name"] else { throw .malformedInvite("no name") }
    guard let authority = values["ca"].flatMap({ Digest(hex: $0) }) else {
      throw .malformedInvite("ca is not the 64 hexadecimal digits of a SHA-256")
    }
    guard let token = values["token"].flatMap(Base64URL.decode).flatMap({ InviteToken(bytes: $0) }) else {
      throw .malformedInvite("the token is not 43 characters of base64url; the line may be cut off")
    }
    let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    try self.init(host: bare, port: port, name: name, authority: authority, token: token)
  }

  /// Leaves the token out, so that a log does not give it away.
  public var description: String { "invitation of \(name) to \(host):\(port)" }

  /// Whether an invitation can carry this as its host.
  public static func isHost(_ text: String) -> Bool {
    (1...255).contains(text.utf8.count) && text.utf8.allSatisfy(isHostByte)
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}

/// Unpadded base64url (RFC 4648, section 5).
enum Base64URL {
  static func encode(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString()
      .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
      .replacingOccurrences(of: "=", with: "")
  }

  /// Nil if the text is not exactly what `encode` would give, so that one value has one spelling.
  static func decode(_ text: String) -> [UInt8]? {
    let standard = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    let padding = String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
    guard let data = Data(base64Encoded: standard + padding) else { return nil }
    let bytes = [UInt8](data)
    return encode(bytes) == text ? bytes : nil
  }
}
