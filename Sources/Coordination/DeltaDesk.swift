import Federation
import SecureAggregation
import Storage
import Wire

/// Puts deltas together for participants that missed rounds.
///
/// A delta over several rounds is those of the rounds one after the other, stored as one more blob. Nothing in the log
/// names it, so that it goes when the round in work closes, and with it what anyone could want it for.
actor DeltaDesk {
  private let blobs: BlobDirectory
  private var combined: Set<Digest> = []

  init(_ blobs: BlobDirectory) {
    self.blobs = blobs
  }

  /// One delta that walks all of `steps`.
  ///
  /// - Parameter limit: Nil is returned unless the delta is smaller, as when the whole checkpoint is no larger.
  func delta(over steps: [Digest], smallerThan limit: Int) throws(StorageError) -> BlobReference? {
    var total = 0
    for step in steps {
      guard let size = blobs.size(of: step) else { return nil }
      total += size
    }
    guard let first = steps.first, total < limit else { return nil }
    if steps.count == 1 { return BlobReference(digest: first, size: total) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(total)
    for step in steps { bytes += try blobs.bytes(of: step) }
    let digest = try blobs.put(bytes)
    combined.insert(digest)
    return BlobReference(digest: digest, size: total)
  }

  /// Whether it is a delta that was put together here.
  func holds(_ digest: Digest) -> Bool { combined.contains(digest) }
}
