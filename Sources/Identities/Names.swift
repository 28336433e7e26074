/// The names that may stand in a certificate, and the URIs that carry them.
public enum Names {
  /// The coordinator's role, as a subject alternative name of its server certificate.
  static let coordinatorURI = "tributary://coordinator"
  /// Stands beside the role for TLS libraries that must compare a host name. Nothing resolves it.
  public static let coordinatorHost = "coordinator.tributary"
  static let participantPrefix = "tributary://participant/"
  static let averagingKeyPrefix = "tributary://averaging-key/"

  /// Checks a participant's name: 1 to 63 characters of a-z, 0-9 and -. So a name is a safe file name, label and argument.
  public static func validate(name: String) throws(IdentityError) {
    let allowed = name.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    guard allowed, (1...63).contains(name.utf8.count) else { throw .invalidName(name) }
  }

  /// Checks an organisation's name: 1 to 100 printable characters, so that it cannot forge a line of a table or a log.
  public static func validate(organisation: String) throws(IdentityError) {
    let printable = organisation.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    }
    guard printable, (1...100).contains(organisation.count), organisation.utf8.count <= 400,
      organisation.contains(where: { !$0.isWhitespace })
    else { throw .invalidOrganisation }
  }
}
