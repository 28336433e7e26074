public import SecureAggregation

/// A blob that arrives in chunks and may break off anywhere: ask where it stands, send on from there.
public struct PartialUpload: Sendable, Hashable {
  public let digest: Digest
  /// The announced length in bytes.
  public let totalBytes: Int
  /// Who sends it. One sender's upload never meets another's, so nobody can spoil a digest for somebody else.
  public let sender: String

  public init(digest: Digest, totalBytes: Int, sender: String) {
    self.digest = digest
    self.totalBytes = totalBytes
    self.sender = sender
  }

  /// The name of its file: the sender's part, which is the same for all of its uploads, and the digest's.
  var fileName: String { Self.prefix(of: sender) + digest.hex }

  static func prefix(of sender: String) -> String {
    "\(Digest(label: "tributary/upload", Array(sender.utf8)).hex)-"
  }
}
