import Foundation
import SecureAggregation

extension CheckpointExport {
  /// One header, then the bytes in chunks.
  var parts: [Tributary_V1_CheckpointPart] {
    let header = Tributary_V1_CheckpointPart.with {
      $0.header = .with {
        $0.run = run
        $0.digest = Data(digest.bytes)
        $0.size = UInt64(bytes.count)
        $0.plan = Data(plan)
        $0.closes = closes.map(Tributary_V1_SignedRoundClose.init)
      }
    }
    return [header]
      + stride(from: 0, to: bytes.count, by: Limits.chunkBytes).map { start in
        .with { $0.chunk = Data(bytes[start..<min(start + Limits.chunkBytes, bytes.count)]) }
      }
  }
}

/// Puts a checkpoint together from its parts.
struct CheckpointReader {
  private var checkpoint: CheckpointExport?
  private var size = 0
  private let read = MessageReader("CheckpointPart")

  mutating func take(_ message: Tributary_V1_CheckpointPart) throws(WireError) {
    switch message.part {
    case nil: throw read.fault("it is empty")
    case .header(let header):
      guard checkpoint == nil else { throw read.fault("a second header") }
      size = try read.count(header.size, "size")
      checkpoint = CheckpointExport(
        run: try read.name(header.run, "header.run"),
        plan: try read.bytes(header.plan, atMost: Limits.planBytes, "header.plan"),
        digest: try read.digest(header.digest, "digest"),
        closes: try header.closes.mapTyped { close throws(WireError) in try SignedRoundClose(close) }, bytes: [])
    case .chunk(let chunk):
      guard let held = checkpoint?.bytes.count else { throw read.fault("a chunk before the header") }
      guard chunk.count <= size - held else {
        throw .oversize(what: "checkpoint", limit: size, found: held + chunk.count)
      }
      checkpoint?.bytes.append(contentsOf: chunk)
    }
  }

  /// The whole, once its size and digest are right.
  func finished() throws(WireError) -> CheckpointExport {
    guard let checkpoint, checkpoint.bytes.count == size else { throw read.fault("the stream ended early") }
    guard Digest(sha256: checkpoint.bytes) == checkpoint.digest else { throw .corruptBlob(checkpoint.digest) }
    return checkpoint
  }
}
