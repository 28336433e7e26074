import GRPCCore

/// The version of `protocols/` that this code speaks, and how it stands in every call's metadata.
enum ProtocolVersion {
  static let key = "tributary-protocol"
  static let current = "1"
}

/// Sizes and times that both sides use; measured in the wire study that docs/architecture.md cites.
enum Limits {
  /// HTTP/2 flow control window: the 64 KiB default makes uploads five times slower, and far worse across a slow link.
  static let windowBytes = 8 << 20
  static let frameBytes = 1 << 20
  /// Unset, the 101st call of a connection would wait for ever.
  ///
  /// A participant needs a few: one poll, and one call beside it.
  static let concurrentStreams = 64
  /// Calls of one participant at a time, over all of its connections.
  static let callsAtOnce = 32
  static let chunkBytes = 1 << 20
  /// A payload up to this size goes inside `SubmitUpload`; a larger one goes up as a blob first, and can resume.
  static let inlineBytes = 512 << 10
  /// The largest message: a roster of 255 adverts, or a chunk and its header, with room.
  static let messageBytes = 4 << 20
  static let longestWait = Duration.seconds(60)
  /// How long a blob may stand still on its way before its call is given up and made again.
  static let longestStandstill = Duration.seconds(60)

  // Texts, in bytes of UTF-8. What a name may look like is checked where it is used; here only that it is no burden.

  /// A token, or the name of a participant, a run, a plan or a column's.
  static let nameBytes = 128
  static let tokenBytes = 64
  static let organisationBytes = 400
  /// A reason, in somebody's own words.
  static let reasonBytes = 4096
  /// A certificate, or a request for one.
  static let certificateBytes = 16 << 10
  /// A plan, as canonical JSON.
  static let planBytes = 1 << 20
}
