import Federation
import Schemas
import SecureAggregation
import Tensors
import Updates
import Wire

// The models that rounds start from: kept, walked to from the last one, or fetched whole.

extension RoundWorker {
  /// The checkpoint with this digest, from the folder or from the coordinator; it must be one of this plan.
  func checkpoint(_ digest: Digest, plan: RunPlan, run: String) async throws -> Checkpoint {
    do {
      if let bytes = try home.models.checkpoint(digest) {
        let checkpoint = try Checkpoint(decoding: bytes)
        try check(checkpoint, against: plan)
        return checkpoint
      }
      if let checkpoint = try await walked(to: digest, plan: plan, run: run) { return checkpoint }
      let bytes = try await send { try await $0.fetchBlob(digest, limit: plan.largestCheckpoint) }
      guard Digest(sha256: bytes) == digest else {
        throw ParticipationError.protocolBroken(what: "the checkpoint that came for \(digest) has another digest")
      }
      let checkpoint = try Checkpoint(decoding: bytes)
      try check(checkpoint, against: plan)
      // Other bytes for the same model would be another name for it.
      guard Digest(sha256: checkpoint.encoded()) == digest else {
        throw RefusalError(.roundDiffersFromPlan(what: "its model is not written as a checkpoint is"))
      }
      try keep(bytes, of: run, received: bytes.count)
      return checkpoint
    } catch let error as SchemaError {
      throw RefusalError(.roundDiffersFromPlan(what: error.description))
    }
  }

  /// The checkpoint that a delta leads to from the one that this node holds; nil when there is none to walk.
  ///
  /// What the delta says is nobody's word: only the digest, which the run's last close names, makes it the model.
  private func walked(to digest: Digest, plan: RunPlan, run: String) async throws -> Checkpoint? {
    guard let held = try home.history(of: run)?.held, let bytes = try home.models.checkpoint(held) else { return nil }
    let given = try Checkpoint(decoding: bytes)
    guard let parameters = given.parameters, let delta = plan.compression.down.delta(count: parameters.values.count)
    else { return nil }
    guard let offer = try await send({ try await $0.modelDelta(from: held, to: digest) }) else { return nil }
    // A delta is offered only where it is smaller than the whole.
    let way = try await send { try await $0.fetchBlob(offer.digest, limit: bytes.count) }
    do {
      let reached = try delta.apply(way, to: parameters.values, steps: 1...ModelDelta.mostSteps)
      let checkpoint = try given.replacing(parameters: Parameters(layout: parameters.layout, values: reached))
      let written = checkpoint.encoded()
      guard Digest(sha256: written) == digest else {
        throw RefusalError(.roundDiffersFromPlan(what: "the delta that came for its model leads to another"))
      }
      try check(checkpoint, against: plan)
      try keep(written, of: run, received: way.count)
      return checkpoint
    } catch let error as UpdateError {
      throw RefusalError(.roundDiffersFromPlan(what: "\(error)"))
    }
  }

  private func check(_ checkpoint: Checkpoint, against plan: RunPlan) throws {
    if let difference = try plan.difference(from: checkpoint) {
      throw RefusalError(.roundDiffersFromPlan(what: difference))
    }
  }

  /// Keeps a checkpoint that came, and drops the one that it replaces.
  private func keep(_ checkpoint: [UInt8], of run: String, received: Int) throws {
    let digest = Digest(sha256: checkpoint)
    try home.models.keep(checkpoint: checkpoint)
    let replaced = try home.history(of: run)?.held
    try home.changeHistory(of: run) {
      $0.held = digest
      $0.bytesReceived += received
    }
    if let replaced, replaced != digest { try home.models.drop(replaced) }
  }
}
