import Foundation
import GRPCCore
import SecureAggregation

/// `Rounds` on the wire, in front of a service of domain values.
struct RoundAdapter: Tributary_V1_Rounds.SimpleServiceProtocol {
  let gate: CallerGate
  let service: any RoundService
  let drain: Drain

  func nextInstruction(
    request: Tributary_V1_NextInstructionRequest, context: ServerContext
  ) async throws -> Tributary_V1_Instruction {
    try await gate.serving(context) { caller in
      let poll = try Poll(request)
      return Tributary_V1_Instruction(try await instruction(for: caller, poll, context))
    }
  }

  /// The service's answer, unless the server drains first, or the caller hangs up.
  private func instruction(for caller: Caller, _ poll: Poll, _ context: ServerContext) async throws -> Instruction {
    try await withThrowingTaskGroup(of: Instruction?.self) { group in
      group.addTask { try await service.nextInstruction(caller, poll) }
      group.addTask {
        await drain.begun()
        try Task.checkCancellation()
        return .idle(after: poll.after, reconnectAfter: .milliseconds(Int.random(in: 250...2000)))
      }
      group.addTask {
        // gRPC does not cancel a handler when its peer goes; it tells this handle.
        try await context.cancellation.cancelled
        throw CancellationError()
      }
      defer { group.cancelAll() }
      guard let first = try await group.next(), let instruction = first else { throw CancellationError() }
      return instruction
    }
  }

  func advertise(request: Tributary_V1_AdvertiseRequest, context: ServerContext) async throws -> Tributary_V1_Accepted {
    try await gate.serving(context) { caller in
      let advert = try SignedAdvert(
        try MessageReader("AdvertiseRequest").required(request.hasAdvert, request.advert, "advert"))
      try caller.check(advert.advert.peer)
      try await service.advertise(caller, round: request.roundID, advert)
      return .init()
    }
  }

  func submitShares(
    request: Tributary_V1_SubmitSharesRequest, context: ServerContext
  ) async throws -> Tributary_V1_Accepted {
    try await gate.serving(context) { caller in
      let shares = try ShareMessage(
        try MessageReader("SubmitSharesRequest").required(request.hasShares, request.shares, "shares"))
      try await service.submitShares(caller, round: request.roundID, shares)
      return .init()
    }
  }

  func submitUpload(
    request: Tributary_V1_SubmitUploadRequest, context: ServerContext
  ) async throws -> Tributary_V1_Accepted {
    try await gate.serving(context) { caller in
      let read = MessageReader("SubmitUploadRequest")
      let statement = try UploadStatement(try read.required(request.hasStatement, request.statement, "statement"))
      let payload: [UInt8]
      switch request.payload {
      case nil: throw read.fault("payload is missing")
      case .inline(let bytes):
        guard bytes.count <= Limits.inlineBytes else {
          throw WireError.oversize(what: "inline payload", limit: Limits.inlineBytes, found: bytes.count)
        }
        payload = [UInt8](bytes)
      case .blob(let digest): payload = try await service.uploadedBytes(caller, try read.digest(digest, "blob"))
      }
      let upload = MaskedUpload(statement: statement, payload: payload)
      try await service.submitUpload(caller, round: request.roundID, upload)
      return .init()
    }
  }

  func confirm(request: Tributary_V1_ConfirmRequest, context: ServerContext) async throws -> Tributary_V1_Accepted {
    try await gate.serving(context) { caller in
      let confirmation = try Confirmation(
        try MessageReader("ConfirmRequest").required(request.hasConfirmation, request.confirmation, "confirmation"))
      try await service.confirm(caller, round: request.roundID, confirmation)
      return .init()
    }
  }

  func unmask(request: Tributary_V1_UnmaskRequest, context: ServerContext) async throws -> Tributary_V1_Accepted {
    try await gate.serving(context) { caller in
      let answer = try UnmaskAnswer(
        try MessageReader("UnmaskRequest").required(request.hasAnswer, request.answer, "answer"))
      try await service.unmask(caller, round: request.roundID, answer)
      return .init()
    }
  }

  func decline(request: Tributary_V1_DeclineRequest, context: ServerContext) async throws -> Tributary_V1_Accepted {
    try await gate.serving(context) { caller in
      let reason = try MessageReader("DeclineRequest").reason(request.reason, "reason")
      try await service.decline(caller, round: request.roundID, reason: reason)
      return .init()
    }
  }

  func offeredPlans(
    request: Tributary_V1_OfferedPlansRequest, context: ServerContext
  ) async throws -> Tributary_V1_OfferedPlansReply {
    try await gate.serving(context) { caller in
      let offers = try await service.offeredPlans(caller)
      return .with { $0.offers = offers.map(Tributary_V1_OfferedPlansReply.Offer.init) }
    }
  }

  func closes(request: Tributary_V1_ClosesRequest, context: ServerContext) async throws -> Tributary_V1_ClosesReply {
    try await gate.serving(context) { caller in
      let closes = try await service.closes(
        caller, run: try MessageReader("ClosesRequest").name(request.run, "run"), after: request.afterRoundID)
      return .with { $0.closes = closes.prefix(1000).map(Tributary_V1_SignedRoundClose.init) }
    }
  }

  func blobStatus(
    request: Tributary_V1_BlobStatusRequest, context: ServerContext
  ) async throws -> Tributary_V1_BlobStatusReply {
    try await gate.serving(context) { caller in
      let blob = try BlobReference(request)
      try await expect(blob, from: caller)
      let held = try await service.heldBytes(caller, of: blob)
      return .with { $0.held = UInt64(held) }
    }
  }

  func uploadBlob(
    request: RPCAsyncSequence<Tributary_V1_BlobChunk, any Error>, context: ServerContext
  ) async throws -> Tributary_V1_BlobStatusReply {
    try await gate.serving(context) { caller in
      let read = MessageReader("BlobChunk")
      var upload: (blob: BlobReference, held: Int)?
      for try await chunk in request {
        if upload == nil {
          let blob = BlobReference(
            digest: try read.digest(chunk.digest, "digest"), size: try read.count(chunk.size, "size"))
          try await expect(blob, from: caller)
          upload = (blob, try await service.heldBytes(caller, of: blob))
        }
        guard let (blob, held) = upload else { continue }
        // A stream may outlive what it was begun for: an enrolment, or a round.
        _ = try await gate.participant(context)
        try await expect(blob, from: caller)
        guard chunk.offset == UInt64(held) else {
          throw WireError.wrongOffset(expected: held, found: Int(clamping: chunk.offset))
        }
        let limit = min(Limits.chunkBytes, blob.size - held)
        guard chunk.bytes.count <= limit else {
          throw WireError.oversize(what: "chunk at \(held)", limit: limit, found: chunk.bytes.count)
        }
        if !chunk.bytes.isEmpty {
          try await service.append(caller, to: blob, at: held, [UInt8](chunk.bytes))
          upload = (blob, held + chunk.bytes.count)
        }
      }
      guard let (blob, held) = upload else { throw read.fault("the stream is empty") }
      if held == blob.size { try await service.finish(caller, blob) }
      return .with { $0.held = UInt64(held) }
    }
  }

  func modelDelta(
    request: Tributary_V1_ModelDeltaRequest, context: ServerContext
  ) async throws -> Tributary_V1_ModelDeltaReply {
    try await gate.serving(context) { caller in
      let read = MessageReader("ModelDeltaRequest")
      let delta = try await service.modelDelta(
        caller, from: try read.digest(request.held, "held"), to: try read.digest(request.wanted, "wanted"))
      return .with {
        guard let delta else { return }
        $0.digest = Data(delta.digest.bytes)
        $0.size = UInt64(delta.size)
      }
    }
  }

  func fetchBlob(
    request: Tributary_V1_FetchBlobRequest, response: RPCWriter<Tributary_V1_BlobChunk>, context: ServerContext
  ) async throws {
    try await gate.serving(context) { caller in
      let digest = try MessageReader("FetchBlobRequest").digest(request.digest, "digest")
      let size = try await service.blobSize(caller, digest)
      guard request.offset <= UInt64(size) else {
        throw WireError.wrongOffset(expected: size, found: Int(clamping: request.offset))
      }
      let start = Int(request.offset)
      var offset = start
      repeat {
        guard !context.cancellation.isCancelled else { throw CancellationError() }
        let bytes = try await service.readBlob(
          caller, digest, offset: offset, count: min(Limits.chunkBytes, size - offset))
        try await response.write(
          .with {
            if offset == start {
              $0.digest = request.digest
              $0.size = UInt64(size)
            }
            $0.offset = UInt64(offset)
            $0.bytes = Data(bytes)
          })
        guard offset == size || !bytes.isEmpty else { throw WireError.unknownBlob(digest) }
        offset += bytes.count
      } while offset < size
    }
  }

  /// Refuses a blob that nobody asked the caller for.
  private func expect(_ blob: BlobReference, from caller: Caller) async throws {
    let limit = try await service.uploadLimit(caller)
    guard blob.size <= limit else { throw WireError.oversize(what: "blob", limit: limit, found: blob.size) }
  }
}

extension Caller {
  /// Refuses a message that names anyone but the caller.
  func check(_ declared: Peer) throws(WireError) {
    guard declared.name == participant.name else {
      throw .nameMismatch(certified: participant.name, declared: declared.name.oneLine)
    }
    guard declared.organisation == participant.organisation else {
      throw .organisationMismatch(certified: participant.organisation, declared: declared.organisation.oneLine)
    }
    guard declared.key == participant.averagingKey else { throw .keyMismatch(name: participant.name) }
  }
}
