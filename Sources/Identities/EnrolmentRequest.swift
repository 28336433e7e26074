import enum Crypto.P256
import Foundation
public import SecureAggregation
import SwiftASN1
public import X509

/// What a joining node sends: a certificate request over its TLS key, and the proof that it holds its averaging key too.
///
/// The proof is an Ed25519 signature under the label `tributary/enrol` over SHA-256(request) || token. It ties the two keys
/// and the invitation together, so that nobody can have someone else's averaging key certified as their own.
public struct EnrolmentRequest: Sendable, Hashable {
  public let name: String
  /// PKCS #10, DER.
  public let certificateRequest: [UInt8]
  public let averagingKey: IdentityKey
  /// 64 bytes.
  public let proof: [UInt8]

  static let label = "tributary/enrol"

  public init(name: String, certificateRequest: [UInt8], averagingKey: IdentityKey, proof: [UInt8]) {
    self.name = name
    self.certificateRequest = certificateRequest
    self.averagingKey = averagingKey
    self.proof = proof
  }

  /// Makes the request of a node for an invitation.
  public init(name: String, token: InviteToken, keys: NodeKeys) throws(IdentityError) {
    try Names.validate(name: name)
    let request = try keys.certificateRequest(name: name)
    let proof: [UInt8]
    do {
      proof = try keys.averaging.sign(label: Self.label, Self.message(request, token))
    } catch {
      throw .cryptography("\(error)")
    }
    self.init(name: name, certificateRequest: request, averagingKey: keys.averaging.publicKey, proof: proof)
  }

  /// Checks both proofs of possession. That the token is a good one is the coordinator's to know.
  ///
  /// - Throws: `.requestNotSelfSigned`, `.badProof`, `.malformedRequest` or `.invalidName`.
  public func verify(token: InviteToken) throws(IdentityError) {
    try Names.validate(name: name)
    _ = try CertificateRequest(der: certificateRequest)
    guard averagingKey.verify(proof, label: Self.label, Self.message(certificateRequest, token)) else {
      throw .badProof
    }
  }

  private static func message(_ request: [UInt8], _ token: InviteToken) -> [UInt8] {
    Digest(sha256: request).bytes + token.bytes
  }
}

/// A PKCS #10 request whose signature is by the P-256 key that it asks to have certified.
public struct CertificateRequest: Sendable {
  public let publicKey: Certificate.PublicKey

  public init(der: [UInt8]) throws(IdentityError) {
    let request: CertificateSigningRequest
    do {
      request = try CertificateSigningRequest(derEncoded: der)
    } catch {
      throw .malformedRequest("not a PKCS #10 request in DER")
    }
    guard P256.Signing.PublicKey(request.publicKey) != nil else { throw .malformedRequest("the key is not on P-256") }
    guard request.publicKey.isValidSignature(request.signature, for: request) else { throw .requestNotSelfSigned }
    publicKey = request.publicKey
  }
}
