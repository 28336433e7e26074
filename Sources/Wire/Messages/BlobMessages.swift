import Foundation
import SecureAggregation

/// A blob being received, chunk by chunk.
struct BlobDownload: Sendable {
  let digest: Digest
  let limit: Int
  private(set) var bytes: [UInt8] = []
  private var size: Int?

  init(digest: Digest, limit: Int) {
    self.digest = digest
    self.limit = limit
  }

  var isComplete: Bool { bytes.count == size }

  /// Takes the next chunk; the first one of a stream says which blob it is of.
  mutating func take(_ chunk: Tributary_V1_BlobChunk) throws(WireError) {
    let read = MessageReader("BlobChunk")
    if !chunk.digest.isEmpty {
      guard try read.digest(chunk.digest, "digest") == digest else { throw read.fault("it is of another blob") }
      let size = try read.count(chunk.size, "size")
      guard size <= limit else { throw .oversize(what: "blob \(digest)", limit: limit, found: size) }
      guard self.size == nil || self.size == size else { throw read.fault("the size changed to \(size)") }
      self.size = size
    }
    guard let size else { throw read.fault("the first chunk does not say which blob it is of") }
    guard chunk.offset == UInt64(bytes.count) else {
      throw .wrongOffset(expected: bytes.count, found: Int(clamping: chunk.offset))
    }
    guard chunk.bytes.count <= Limits.chunkBytes, chunk.bytes.count <= size - bytes.count else {
      throw .oversize(
        what: "chunk at \(bytes.count)", limit: min(Limits.chunkBytes, size - bytes.count), found: chunk.bytes.count)
    }
    bytes.append(contentsOf: chunk.bytes)
  }

  /// The whole, once its digest is right.
  func checked() throws(WireError) -> [UInt8] {
    guard Digest(sha256: bytes) == digest else { throw .corruptBlob(digest) }
    return bytes
  }
}

/// A blob being sent.
enum BlobUpload {
  /// The chunks from an offset on; the first one says which blob it is of.
  static func chunks(_ blob: BlobReference, _ bytes: [UInt8], from start: Int) -> some Sequence<Tributary_V1_BlobChunk>
  {
    stride(from: start, to: max(bytes.count, start + 1), by: Limits.chunkBytes).lazy.map { offset in
      .with {
        if offset == start {
          $0.digest = Data(blob.digest.bytes)
          $0.size = UInt64(blob.size)
        }
        $0.offset = UInt64(offset)
        $0.bytes = Data(bytes[offset..<min(offset + Limits.chunkBytes, bytes.count)])
      }
    }
  }
}
