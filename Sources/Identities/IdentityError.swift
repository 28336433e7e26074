/// What keys, certificates, invitations and enrolment requests can be refused for.
///
/// Messages name files, names and fingerprints; never a token and never a private key.
public enum IdentityError: Error, Sendable, Equatable, CustomStringConvertible {
  case invalidName(String)
  case invalidOrganisation
  case malformedInvite(String)
  case malformedCertificate(String)
  case malformedRequest(String)
  /// A certificate request whose signature is not by the key that it asks to have certified.
  case requestNotSelfSigned
  /// The averaging key's signature over the request and the token does not verify.
  case badProof
  /// The certificate was not issued by the expected authority.
  case otherAuthority(expected: String, found: String)
  case certificateExpired(name: String, at: String)
  case certificateNotYetValid(name: String, from: String)
  /// The certificate is the authority's, but does not have the role that the connection needs.
  case wrongRole(expected: String, found: String)
  case keyFileTooOpen(path: String, mode: String)
  case keyFileMissing(path: String)
  case malformedKeyFile(path: String)
  case cannotRead(path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  case alreadyExists(path: String)
  /// OpenSSL failed to make a key or a signature.
  case cryptography(String)

  public var description: String {
    switch self {
    case .invalidName(let name): "invalid name \"\(name.prefix(80))\", expected 1 to 63 characters of a-z, 0-9 and -"
    case .invalidOrganisation: "invalid organisation, expected 1 to 100 printable characters"
    case .malformedInvite(let reason): "malformed invitation: \(reason)"
    case .malformedCertificate(let reason): "malformed certificate: \(reason)"
    case .malformedRequest(let reason): "malformed certificate request: \(reason)"
    case .requestNotSelfSigned: "the certificate request is not signed by its own key"
    case .badProof: "the proof of the averaging key does not verify"
    case .otherAuthority(let expected, let found):
      "certificate of another authority: expected sha256:\(expected), found sha256:\(found)"
    case .certificateExpired(let name, let at): "the certificate of \(name) expired at \(at)"
    case .certificateNotYetValid(let name, let from): "the certificate of \(name) is valid only from \(from)"
    case .wrongRole(let expected, let found): "the certificate is for \(found), expected \(expected)"
    case .keyFileTooOpen(let path, let mode): "\(path): mode \(mode) lets others read a private key, expected 0600"
    case .keyFileMissing(let path): "\(path): no such key file"
    case .malformedKeyFile(let path): "\(path): not a private key that this program wrote"
    case .cannotRead(let path, let reason): "\(path): cannot read: \(reason)"
    case .cannotWrite(let path, let reason): "\(path): cannot write: \(reason)"
    case .alreadyExists(let path): "\(path): already exists"
    case .cryptography(let what): "cryptography failed: \(what)"
    }
  }

  /// What the reader can do about it, as one line.
  public var hint: String? {
    switch self {
    case .invalidName: "choose a name like st-mary or lab-2"
    case .invalidOrganisation: "pass the organisation's name, for instance --organisation \"St Mary\""
    case .malformedInvite: "copy the whole line that `tributary invite` printed, between quotes"
    case .malformedCertificate, .malformedRequest, .requestNotSelfSigned, .badProof:
      "both sides should run the same version of tributary"
    case .otherAuthority: "ask the operator for a new invitation line, over a channel that you trust"
    case .certificateExpired: "ask the operator for a new invitation: tributary invite NAME --organisation ORG"
    case .certificateNotYetValid: "check the clocks of both machines"
    case .wrongRole: "check the address: the other side is not the program that was expected"
    case .keyFileTooOpen(let path, _): "chmod 600 \(path)"
    case .keyFileMissing: "was this home made by `tributary join` or `tributary init`?"
    case .malformedKeyFile: "restore the file from a backup, or enrol again with a new invitation"
    case .cannotRead, .cannotWrite: "check the directory's owner, permissions and free space"
    case .alreadyExists: "choose another home, or remove the old one if nothing needs it"
    case .cryptography: "check the installation of OpenSSL: openssl version"
    }
  }
}
