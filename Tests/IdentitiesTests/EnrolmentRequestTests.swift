import SecureAggregation
import Testing

@testable import Identities

struct EnrolmentRequestTests {
  let token: InviteToken
  let keys: NodeKeys
  let request: EnrolmentRequest

  init() throws {
    token = try InviteToken()
    keys = try NodeKeys()
    request = try EnrolmentRequest(name: "north", token: token, keys: keys)
  }

  @Test("A request proves both keys")
  func good() throws {
    try request.verify(token: token)
  }

  @Test("The proof is an Ed25519 signature under tributary/enrol over SHA-256(request) and the token")
  func form() {
    let message = Digest(sha256: request.certificateRequest).bytes + token.bytes
    #expect(keys.averaging.publicKey.verify(request.proof, label: "tributary/enrol", message))
  }

  @Test("A proof for another token is refused")
  func otherToken() throws {
    let other = try InviteToken()
    #expect(throws: IdentityError.badProof) { try request.verify(token: other) }
  }

  @Test("Someone else's averaging key cannot be enrolled")
  func stolenKey() throws {
    let forged = EnrolmentRequest(
      name: "north", certificateRequest: request.certificateRequest,
      averagingKey: try NodeKeys().averaging.publicKey, proof: request.proof)
    #expect(throws: IdentityError.badProof) { try forged.verify(token: token) }
  }

  @Test("Someone else's certificate request does not fit the proof")
  func swappedRequest() throws {
    let forged = EnrolmentRequest(
      name: "north", certificateRequest: try NodeKeys().certificateRequest(name: "north"),
      averagingKey: request.averagingKey, proof: request.proof)
    #expect(throws: IdentityError.badProof) { try forged.verify(token: token) }
  }

  @Test("A damaged certificate request is refused, whichever byte it is, and never traps")
  func damaged() {
    let der = request.certificateRequest
    for index in der.indices {
      var changed = der
      changed[index] ^= 0x41
      let forged = EnrolmentRequest(
        name: "north", certificateRequest: changed, averagingKey: request.averagingKey, proof: request.proof)
      #expect(throws: IdentityError.self) { try forged.verify(token: token) }
    }
    for bytes: [UInt8] in [[], [0x30], Array(der.dropLast()), der + [0]] {
      #expect(throws: IdentityError.self) { try CertificateRequest(der: bytes) }
    }
  }
}
