import Foundation
import Identities
import SecureAggregation

extension Tributary_V1_EnrolRequest {
  init(_ request: EnrolmentRequest, token: InviteToken) {
    name = request.name
    self.token = Data(token.bytes)
    certificateRequest = Data(request.certificateRequest)
    averagingKey = Data(request.averagingKey.bytes)
    proof = Data(request.proof)
  }

  func domain() throws(WireError) -> (EnrolmentRequest, InviteToken) {
    let read = MessageReader("EnrolRequest")
    guard let token = InviteToken(bytes: [UInt8](token)) else {
      throw read.fault("token has \(self.token.count) bytes, expected 32")
    }
    let request = EnrolmentRequest(
      name: try read.name(name, "name"),
      certificateRequest: try read.bytes(
        certificateRequest, atMost: Limits.certificateBytes, "certificate_request"),
      averagingKey: try read.key(averagingKey, "averaging_key"),
      proof: try read.bytes(proof, count: 64, "proof"))
    return (request, token)
  }
}

extension Tributary_V1_EnrolReply {
  init(_ enrolment: Enrolment) {
    certificate = Data(enrolment.certificate.der)
    authority = Data(enrolment.authority)
    coordinatorKey = Data(enrolment.coordinatorKey.bytes)
    name = enrolment.certificate.identity.name
    organisation = enrolment.certificate.identity.organisation
  }
}

extension Enrolment {
  init(_ message: Tributary_V1_EnrolReply) throws(WireError) {
    let read = MessageReader("EnrolReply")
    let der = try read.bytes(message.certificate, atMost: Limits.certificateBytes, "certificate")
    let certificate: IssuedCertificate
    do {
      certificate = try IssuedCertificate(der: der)
    } catch {
      throw WireError(error)
    }
    self.init(
      certificate: certificate,
      authority: try read.bytes(message.authority, atMost: Limits.certificateBytes, "authority"),
      coordinatorKey: try read.key(message.coordinatorKey, "coordinator_key"))
  }
}
