import Foundation
import GRPCCore
import Identities
import X509

/// `Enrolment` on the wire, in front of a service of domain values.
struct EnrolmentAdapter: Tributary_V1_Enrolment.SimpleServiceProtocol {
  let gate: CallerGate
  let service: any EnrolmentService

  func enrol(request: Tributary_V1_EnrolRequest, context: ServerContext) async throws -> Tributary_V1_EnrolReply {
    try await answering {
      let connectionKey = try gate.strangersKey(context)
      let (request, token) = try request.domain()
      do {
        try request.verify(token: token)
        let asked = try CertificateRequest(der: request.certificateRequest).publicKey
        guard Array(asked.subjectPublicKeyInfoBytes) == connectionKey else { throw WireError.connectionKeyMismatch }
      } catch let error as IdentityError {
        throw WireError(error)
      }
      return Tributary_V1_EnrolReply(try await service.enrol(request, token: token))
    }
  }

  /// The one call that an expired certificate may make: a node that was away for long keeps its name and its averaging key.
  func renew(request: Tributary_V1_RenewRequest, context: ServerContext) async throws -> Tributary_V1_EnrolReply {
    try await gate.serving(context, acceptingExpired: true) { caller in
      let certificateRequest = try MessageReader("RenewRequest")
        .bytes(request.certificateRequest, atMost: Limits.certificateBytes, "certificate_request")
      do {
        _ = try CertificateRequest(der: certificateRequest)
      } catch let error as IdentityError {
        throw WireError(error)
      }
      return Tributary_V1_EnrolReply(try await service.renew(caller, certificateRequest: certificateRequest))
    }
  }

  func leave(request: Tributary_V1_LeaveRequest, context: ServerContext) async throws -> Tributary_V1_LeaveReply {
    try await gate.serving(context) { caller in
      try await service.leave(caller)
      return .init()
    }
  }
}
