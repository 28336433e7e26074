import Federation
import SecureAggregation
import Updates
import Wire

// A round of a plan without masks has one step after the advert: the roster comes, and the upload goes.

extension RoundWorker {
  /// Checks the roster as under masks, and sends this node's values as they are.
  mutating func collect(_ roster: Roster, roundID: UInt64) async throws {
    guard var round = try home.round(roundID) else { return await board.idle() }
    // Its shares are for nobody here.
    let (_, codec, policy) = try await accept(roster, into: &round, averaging: .clear)
    let contribution = try await contribution(to: round)
    let values = try await values(of: contribution)
    guard let transcript = round.averaging.transcript, let rank = round.averaging.rank else { return }
    let residue = try home.residue(of: round.plan)
    let made: (payload: [UInt8], leftOut: [Float])
    do {
      made = try contribution.clearPayload(values, residue: residue, codec: codec, transcript: transcript)
    } catch let error as UpdateError {
      throw RefusalError(.plan(message: "\(error)", hint: error.hint))
    }
    if let privately = round.privately { try await charge(privately, round, policy) }
    let statement = try UploadStatement(
      clear: made.payload, rank: rank, rosterCount: roster.count, transcript: transcript, signer: signer)
    if round.sentClear == nil {
      try home.record(
        entry(.shared, round, bytes: made.payload.count, participants: roster.peers.map(\.name)))
      try home.changeHistory(of: round.plan.run) { $0.bytesSent += made.payload.count }
    }
    round.sentClear = statement.digest
    try home.save(round)
    try remember(values, of: contribution)
    log.info("round \(roundID) (\(round.plan.kind)) of run \(round.plan.run): sending \(made.payload.count) bytes")
    let upload = MaskedUpload(statement: statement, payload: made.payload)
    try await send { try await $0.submitUpload(round: roundID, upload) }
    try home.leaveOut(made.leftOut, of: round.plan)
  }
}
