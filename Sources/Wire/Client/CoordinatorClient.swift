import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
public import Identities
public import SecureAggregation

/// A participant's connection to its coordinator: the methods of ``RoundService``, and renewal and leaving, as calls.
///
/// Calls wait for a broken connection to come back, up to 30 s, and throw ``WireError`` (or `CancellationError`). Each may
/// be repeated with the same content.
public struct CoordinatorClient: Sendable {
  private let rounds: Tributary_V1_Rounds.Client<Transport>
  private let enrolment: Tributary_V1_Enrolment.Client<Transport>
  private let address: CoordinatorAddress
  private let trust: CoordinatorTrust

  /// Connects for the length of `body`. After a renewal, leave and connect again with the new certificate.
  ///
  /// - Parameters:
  ///   - authority: SHA-256 of the coordinator's authority certificate, from the invitation.
  ///   - material: `NodeKeys.material(certificate:)`.
  public static func connected<Result: Sendable>(
    to address: CoordinatorAddress, authority: Digest, material: TLSMaterial,
    _ body: (CoordinatorClient) async throws -> Result
  ) async throws -> Result {
    try await ClientConnection.withParticipant(address, authority: authority, material: material) { client, trust in
      try await body(
        CoordinatorClient(
          rounds: .init(wrapping: client), enrolment: .init(wrapping: client), address: address, trust: trust))
    }
  }

  /// Waits for the next instruction.
  ///
  /// - Parameter reconnecting: Whether to wait for a connection. When false, an unreachable coordinator is reported at
  ///   once; when true, after `poll.wait` and a little more, by when it may be back.
  public func nextInstruction(_ poll: Poll, reconnecting: Bool = true) async throws -> Instruction {
    try Instruction(
      try await call(timeout: poll.wait + .seconds(15), waiting: reconnecting) {
        try await rounds.nextInstruction(.init(poll), options: $0)
      })
  }

  /// M0.
  public func advertise(round: UInt64, _ advert: SignedAdvert) async throws {
    let request = Tributary_V1_AdvertiseRequest.with {
      $0.roundID = round
      $0.advert = .init(advert)
    }
    _ = try await call { try await rounds.advertise(request, options: $0) }
  }

  /// M1.
  public func submitShares(round: UInt64, _ shares: ShareMessage) async throws {
    let request = Tributary_V1_SubmitSharesRequest.with {
      $0.roundID = round
      $0.shares = .init(shares)
    }
    _ = try await call { try await rounds.submitShares(request, options: $0) }
  }

  /// M2. A large payload goes up as a blob, which resumes where an earlier attempt stopped.
  public func submitUpload(round: UInt64, _ upload: MaskedUpload) async throws {
    var request = Tributary_V1_SubmitUploadRequest.with {
      $0.roundID = round
      $0.statement = .init(upload.statement)
    }
    if upload.payload.count <= Limits.inlineBytes {
      request.inline = Data(upload.payload)
    } else {
      let digest = Digest(sha256: upload.payload)
      try await uploadBlob(BlobReference(digest: digest, size: upload.payload.count), upload.payload)
      request.blob = Data(digest.bytes)
    }
    let whole = request
    _ = try await call { try await rounds.submitUpload(whole, options: $0) }
  }

  /// M3.
  public func confirm(round: UInt64, _ confirmation: Confirmation) async throws {
    let request = Tributary_V1_ConfirmRequest.with {
      $0.roundID = round
      $0.confirmation = .init(confirmation)
    }
    _ = try await call { try await rounds.confirm(request, options: $0) }
  }

  /// M4.
  public func unmask(round: UInt64, _ answer: UnmaskAnswer) async throws {
    let request = Tributary_V1_UnmaskRequest.with {
      $0.roundID = round
      $0.answer = .init(answer)
    }
    _ = try await call { try await rounds.unmask(request, options: $0) }
  }

  /// Takes no part in a round, or no further part.
  public func decline(round: UInt64, reason: String) async throws {
    let request = Tributary_V1_DeclineRequest.with {
      $0.roundID = round
      $0.reason = reason.oneLine
    }
    _ = try await call { try await rounds.decline(request, options: $0) }
  }

  /// The plans that the coordinator runs or has queued.
  public func offeredPlans() async throws -> [OfferedPlan] {
    try await call(waiting: false) { try await rounds.offeredPlans(.init(), options: $0) }.offers
      .mapTyped { offer throws(WireError) in try OfferedPlan(offer) }
  }

  /// The run's closes with a greater round identifier, oldest first, all of them.
  public func closes(run: String, after roundID: UInt64) async throws -> [SignedRoundClose] {
    var closes: [SignedRoundClose] = []
    var last = roundID
    while true {
      let request = Tributary_V1_ClosesRequest.with {
        $0.run = run
        $0.afterRoundID = last
      }
      let reply = try await call { try await rounds.closes(request, options: $0) }
      let page = try MessageReader("ClosesReply").atMost(1000, reply.closes, "closes")
        .mapTyped { close throws(WireError) in try SignedRoundClose(close) }
      for close in page {
        guard close.close.roundID > last else { throw MessageReader("ClosesReply").fault("closes are out of order") }
        last = close.close.roundID
      }
      closes += page
      if page.isEmpty { return closes }
    }
  }

  /// A delta from a checkpoint that this node holds to the one that the round in work starts from; nil when the whole is to
  /// be fetched.
  public func modelDelta(from held: Digest, to wanted: Digest) async throws -> BlobReference? {
    let request = Tributary_V1_ModelDeltaRequest.with {
      $0.held = Data(held.bytes)
      $0.wanted = Data(wanted.bytes)
    }
    let reply = try await call { try await rounds.modelDelta(request, options: $0) }
    if reply.digest.isEmpty { return nil }
    let read = MessageReader("ModelDeltaReply")
    return BlobReference(digest: try read.digest(reply.digest, "digest"), size: try read.count(reply.size, "size"))
  }

  /// Fetches a blob, resuming after broken streams, and checks its digest.
  ///
  /// - Parameter limit: A larger blob is refused as ``WireError/oversize(what:limit:found:)``.
  public func fetchBlob(_ digest: Digest, limit: Int) async throws -> [UInt8] {
    var download = BlobDownload(digest: digest, limit: limit)
    var failures = 0
    while true {
      let before = download.bytes.count
      let start = download
      let progress = CallProgress()
      do {
        download = try await call(progress: progress) { options in
          let request = Tributary_V1_FetchBlobRequest.with {
            $0.digest = Data(digest.bytes)
            $0.offset = UInt64(before)
          }
          return try await rounds.fetchBlob(request, options: options) { response in
            var current = start
            do {
              for try await chunk in response.messages {
                progress.touch()
                try current.take(chunk)
              }
            } catch let error as RPCError where WireError(error) == nil && current.bytes.count > start.bytes.count {
              return current  // keep what came, and go on from there
            }
            return current
          }
        }
        if download.isComplete { return try download.checked() }
      } catch let error as WireError {
        guard case .unreachable = error, failures < 5 else { throw error }
      }
      failures = download.bytes.count > before ? 0 : failures + 1
      guard failures <= 5 else {
        throw WireError.unreachable(address: "\(address)", reason: "the download stands still")
      }
    }
  }

  /// Sends a blob from where an earlier attempt stopped, until it is complete.
  func uploadBlob(_ blob: BlobReference, _ bytes: [UInt8]) async throws {
    let status = Tributary_V1_BlobStatusRequest.with {
      $0.digest = Data(blob.digest.bytes)
      $0.size = UInt64(blob.size)
    }
    var failures = 0
    while true {
      let held = try await call { try await rounds.blobStatus(status, options: $0) }.held
      if held == UInt64(blob.size) { return }
      guard held < UInt64(blob.size) else { throw MessageReader("BlobStatusReply").fault("held exceeds the size") }
      do {
        let start = Int(held)
        let progress = CallProgress()
        _ = try await call(progress: progress) { options in
          try await rounds.uploadBlob(options: options) { writer in
            for chunk in BlobUpload.chunks(blob, bytes, from: start) {
              try await writer.write(chunk)
              progress.touch()
            }
          }
        }
        failures = 0
      } catch let error as WireError {
        guard case .unreachable = error, failures < 5 else { throw error }
        failures += 1
      }
    }
  }

  /// A new certificate over the key of the request.
  public func renew(certificateRequest: [UInt8]) async throws -> Enrolment {
    let request = Tributary_V1_RenewRequest.with { $0.certificateRequest = Data(certificateRequest) }
    return try Enrolment(try await call { try await enrolment.renew(request, options: $0) })
  }

  /// Revokes the node's own certificate. A `revoked` answer means that an earlier attempt got through.
  public func leave() async throws {
    do {
      _ = try await call(waiting: false) { try await enrolment.leave(.init(), options: $0) }
    } catch WireError.revoked {}
  }

  /// - Parameter progress: Of a call that may take as long as it moves on, in place of `timeout`.
  private func call<Reply: Sendable>(
    timeout: Duration? = .seconds(30), progress: CallProgress? = nil, waiting: Bool = true,
    _ body: @escaping @Sendable (CallOptions) async throws -> Reply
  ) async throws -> Reply {
    let timeout = progress == nil ? timeout : nil
    do {
      let limit = timeout.map { $0 + .seconds(5) } ?? Limits.longestStandstill
      return try await ending(after: limit, progress: progress) {
        try await body(.tributary(timeout: timeout, waiting: waiting))
      }
    } catch {
      if Task.isCancelled { throw CancellationError() }
      throw WireError(call: error, to: "\(address)", trust: trust)
    }
  }
}
