import enum Crypto.P256
public import Foundation
public import SecureAggregation
import SwiftASN1
import X509

/// A node's two private keys, made on the node and never leaving it: ECDSA P-256 for TLS, Ed25519 for averaging.
public struct NodeKeys: Sendable, CustomStringConvertible {
  private let tls: P256.Signing.PrivateKey
  /// Signs every message of the averaging protocol; its fingerprint is what peers pin.
  public let averaging: IdentitySigner

  static let tlsFile = "tls.key"
  static let averagingFile = "averaging.key"

  /// Makes two new keys.
  public init() throws(IdentityError) {
    tls = P256.Signing.PrivateKey()
    averaging = try .generate()
  }

  /// Loads the keys that ``save(in:)`` wrote.
  ///
  /// - Throws: `.keyFileTooOpen` if anyone but the owner may read one, `.keyFileMissing`, `.malformedKeyFile`.
  public init(directory: String) throws(IdentityError) {
    let tlsPath = "\(directory)/\(Self.tlsFile)"
    guard let key = try? P256.Signing.PrivateKey(pemRepresentation: try PrivateFile.readText(tlsPath, secret: true))
    else {
      _ = try PrivateFile.readText(tlsPath, secret: true)
      throw .malformedKeyFile(path: tlsPath)
    }
    tls = key
    averaging = try IdentitySigner(file: "\(directory)/\(Self.averagingFile)")
  }

  /// Writes both keys, 0600, atomically and durably, into a directory that must hold neither.
  public func save(in directory: String) throws(IdentityError) {
    try PrivateFile.create("\(directory)/\(Self.tlsFile)", contents: Array((tls.pemRepresentation + "\n").utf8))
    try averaging.save(file: "\(directory)/\(Self.averagingFile)")
  }

  /// Overwrites and removes both key files; missing ones are fine.
  public static func erase(in directory: String) throws(IdentityError) {
    try PrivateFile.erase("\(directory)/\(tlsFile)")
    try PrivateFile.erase("\(directory)/\(averagingFile)")
  }

  /// A PKCS #10 request (DER) for a certificate over the TLS key.
  public func certificateRequest(name: String) throws(IdentityError) -> [UInt8] {
    do {
      let request = try CertificateSigningRequest(
        version: .v1, subject: try DistinguishedName { CommonName(name) }, privateKey: .init(tls),
        attributes: .init(), signatureAlgorithm: .ecdsaWithSHA256)
      var serializer = DER.Serializer()
      try serializer.serialize(request)
      return serializer.serializedBytes
    } catch {
      throw .malformedRequest("\(error)")
    }
  }

  /// What the node presents before it has a certificate: a self-signed one over its TLS key, good for an hour.
  public func selfSigned(name: String, now: Date = Date()) throws(IdentityError) -> TLSMaterial {
    do {
      let subject = try DistinguishedName { CommonName(name) }
      let certificate = try Certificate(
        version: .v3, serialNumber: .init(), publicKey: .init(tls.publicKey),
        notValidBefore: now.addingTimeInterval(-CoordinatorAuthority.clockSkew),
        notValidAfter: now.addingTimeInterval(3600), issuer: subject, subject: subject,
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
        },
        issuerPrivateKey: .init(tls))
      return TLSMaterial(chain: [try certificate.derBytes()], keyPEM: tls.pemRepresentation)
    } catch {
      throw .malformedCertificate("\(error)")
    }
  }

  /// What the node presents once it is enrolled.
  public func material(certificate: IssuedCertificate) -> TLSMaterial {
    TLSMaterial(chain: [certificate.der], keyPEM: tls.pemRepresentation)
  }

  /// Says nothing of the keys but the public fingerprint.
  public var description: String { "node keys (averaging key \(averaging.publicKey.fingerprint))" }
}

extension IdentitySigner {
  /// Makes a new key, with an error of this target.
  public static func generate() throws(IdentityError) -> IdentitySigner {
    do { return try IdentitySigner() } catch { throw .cryptography("\(error)") }
  }

  /// Loads a key that ``save(file:)`` wrote; the coordinator keeps its own averaging key so, too.
  public init(file path: String) throws(IdentityError) {
    let text = try PrivateFile.readText(path, secret: true).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let seed = [UInt8](hexadecimal: text), seed.count == 32, let signer = try? IdentitySigner(seed: seed) else {
      throw .malformedKeyFile(path: path)
    }
    self = signer
  }

  /// Writes the private key as hexadecimal, 0600, atomically and durably, to a path that must not exist.
  public func save(file path: String) throws(IdentityError) {
    try PrivateFile.create(path, contents: Array((seed.bytes.hexadecimal + "\n").utf8))
  }
}
