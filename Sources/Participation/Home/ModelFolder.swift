import SecureAggregation

/// Checkpoints of a node, in files named by their digest, and local models in files named by their plan's.
struct ModelFolder: Sendable {
  let directory: String

  /// The checkpoint's bytes if they are here and still hash to their name.
  func checkpoint(_ digest: Digest) throws(ParticipationError) -> [UInt8]? {
    guard let bytes = try OwnedFile.read(path(digest)), Digest(sha256: bytes) == digest else { return nil }
    return bytes
  }

  /// Keeps a checkpoint; its digest is taken here, so that a file is never under another's name. One that a power failure
  /// takes back is fetched again.
  func keep(checkpoint bytes: [UInt8]) throws(ParticipationError) {
    try OwnedFile.replace(path(Digest(sha256: bytes)), with: bytes, durably: false)
  }

  /// Drops a checkpoint that a later one has replaced. It is everyone's, and no secret.
  func drop(_ digest: Digest) throws(ParticipationError) { try OwnedFile.remove(path(digest)) }

  /// The model that the plan's recipe makes of this node's training rows alone. It never leaves.
  func localModelPath(plan: Digest) -> String { "\(directory)/local-\(plan.hex).safetensors" }

  private func path(_ digest: Digest) -> String { "\(directory)/\(digest.hex).safetensors" }
}

extension NodeHome {
  var models: ModelFolder { ModelFolder(directory: modelsDirectory) }
}
