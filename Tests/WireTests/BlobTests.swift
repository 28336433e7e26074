import Identities
import SecureAggregation
import Testing

@testable import Wire

@Suite("Blobs over the wire")
struct BlobTests {
  /// Two and a half chunks.
  static let large = Limits.chunkBytes * 5 / 2
  /// Made once, because loops are slow in a debug build.
  static let upload = Samples.upload(large)

  @Test("A large payload goes up in chunks of at most 1 MiB and arrives whole")
  func upload() async throws {
    try await TestFederation.serving { federation in
      await federation.coordinator.expect(Self.large)
      try await federation.enrolled { client, _ in
        let upload = Self.upload
        try await client.submitUpload(round: 1, upload)
        #expect(await federation.coordinator.received == [.upload(1, upload)])
        let appended = await federation.coordinator.appended
        #expect(appended.map(\.offset) == [0, 1 << 20, 2 << 20])
        #expect(appended.map(\.count) == [1 << 20, 1 << 20, 1 << 19])
      }
    }
  }

  @Test("An upload that breaks goes on where it stopped, in the same call")
  func resumes() async throws {
    try await TestFederation.serving { federation in
      await federation.coordinator.expect(Self.large, failAfter: Limits.chunkBytes)
      try await federation.enrolled { client, _ in
        let upload = Self.upload
        try await client.submitUpload(round: 1, upload)
        #expect(await federation.coordinator.received == [.upload(1, upload)])
        #expect(await federation.coordinator.appended.map(\.offset) == [0, 1 << 20, 2 << 20])
      }
    }
  }

  @Test("An upload goes on where an earlier process stopped, at any byte")
  func resumesLater() async throws {
    try await TestFederation.serving { federation in
      let upload = Self.upload
      await federation.coordinator.expect(Self.large)
      await federation.coordinator.hold(Array(upload.payload[..<777]), of: Digest(sha256: upload.payload))
      try await federation.enrolled { client, _ in
        try await client.submitUpload(round: 1, upload)
        #expect(await federation.coordinator.received == [.upload(1, upload)])
        #expect(await federation.coordinator.appended.first?.offset == 777)
      }
    }
  }

  @Test("A blob that is larger than what is expected is refused before a byte of it is stored")
  func oversize() async throws {
    try await TestFederation.serving { federation in
      await federation.coordinator.expect(Self.large - 1)
      try await federation.enrolled { client, _ in
        await #expect(throws: WireError.oversize(what: "blob", limit: Self.large - 1, found: Self.large)) {
          try await client.submitUpload(round: 1, Self.upload)
        }
        #expect(await federation.coordinator.appended.isEmpty)
      }
    }
  }

  @Test("Bytes that do not have the announced digest are refused and forgotten")
  func corrupt() async throws {
    try await TestFederation.serving { federation in
      let upload = Self.upload
      let digest = Digest(sha256: upload.payload)
      await federation.coordinator.expect(Self.large)
      await federation.coordinator.hold([99], of: digest)  // the payload begins with another byte
      try await federation.enrolled { client, _ in
        await #expect(throws: WireError.corruptBlob(digest)) { try await client.submitUpload(round: 1, upload) }
        try await client.submitUpload(round: 1, upload)
        #expect(await federation.coordinator.received == [.upload(1, upload)])
      }
    }
  }

  typealias Chunk = (digest: [UInt8], size: Int, offset: Int, count: Int)

  @Test("Chunks with a gap, of another size or without a digest are refused")
  func badChunks() async throws {
    try await TestFederation.serving { federation in
      await federation.coordinator.expect(100)
      let (digest, keys) = (Samples.digest(1), try NodeKeys())
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      let enrolment = try await EnrolmentClient.enrol(invite, keys: keys)
      try await federation.raw(keys.material(certificate: enrolment.certificate)) { client, _ in
        let rounds = Tributary_V1_Rounds.Client(wrapping: client)
        let cases: [(chunks: [Chunk], error: WireError)] = [
          ([], .malformed(message: "BlobChunk", reason: "the stream is empty")),
          ([([1], 10, 0, 10)], .malformed(message: "BlobChunk", reason: "digest has 1 bytes, expected 32")),
          ([(digest.bytes, 10, 5, 5)], .wrongOffset(expected: 0, found: 5)),
          ([(digest.bytes, 10, 0, 11)], .oversize(what: "chunk at 0", limit: 10, found: 11)),
          ([(digest.bytes, 101, 0, 1)], .oversize(what: "blob", limit: 100, found: 101)),
          ([(digest.bytes, 10, 0, 4), ([], 0, 5, 1)], .wrongOffset(expected: 4, found: 5)),
        ]
        for (chunks, expected) in cases {
          let error = try await failure {
            _ = try await rounds.uploadBlob { writer in
              for chunk in chunks {
                try await writer.write(
                  .with {
                    $0.digest = .init(chunk.digest)
                    $0.size = UInt64(chunk.size)
                    $0.offset = UInt64(chunk.offset)
                    $0.bytes = .init(count: chunk.count)
                  })
              }
            }
          }
          #expect(error == expected)
        }
      }
    }
  }

  @Test(
    "Each chunk of an open stream asks whether its sender is admitted and its blob expected still")
  func chunkByChunk() async throws {
    for revokes in [true, false] {
      try await TestFederation.serving { federation in
        await federation.coordinator.expect(10)
        let keys = try NodeKeys()
        let invite = try await federation.coordinator.invite("north", port: federation.port)
        let enrolment = try await EnrolmentClient.enrol(invite, keys: keys)
        try await federation.raw(keys.material(certificate: enrolment.certificate)) { client, _ in
          let error = try await failure {
            _ = try await Tributary_V1_Rounds.Client(wrapping: client).uploadBlob { writer in
              try await writer.write(
                .with {
                  $0.digest = .init(Samples.digest(1).bytes)
                  $0.size = 10
                  $0.bytes = .init(count: 4)
                })
              while await federation.coordinator.appended.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
              if revokes {
                await federation.coordinator.revoke("north")
              } else {
                await federation.coordinator.expect(0)
              }
              try await writer.write(
                .with {
                  $0.offset = 4
                  $0.bytes = .init(count: 4)
                })
            }
          }
          #expect(error == (revokes ? .revoked(name: "north") : .oversize(what: "blob", limit: 0, found: 10)))
          #expect(await federation.coordinator.appended.count == 1)
        }
      }
    }
  }

  @Test("A blob is fetched whole, resuming after a broken stream, and its digest is checked", arguments: [0, 1, large])
  func fetch(count: Int) async throws {
    try await TestFederation.serving { federation in
      let blob = Samples.bytes(count, from: 7)
      let digest = await federation.coordinator.offer(blob)
      await federation.coordinator.expect(0, failAfter: Limits.chunkBytes)
      try await federation.enrolled { client, _ in
        let fetched = try await client.fetchBlob(digest, limit: count)
        #expect(fetched == blob)
      }
    }
  }

  @Test("A delta is asked for by two digests; none means the whole")
  func delta() async throws {
    try await TestFederation.serving { federation in
      let delta = BlobReference(digest: Samples.digest(3), size: 1 << 40)
      await federation.coordinator.offer(delta, from: Samples.digest(1), to: Samples.digest(2))
      try await federation.enrolled { client, _ in
        let there = try await client.modelDelta(from: Samples.digest(1), to: Samples.digest(2))
        #expect(there == delta)
        let back = try await client.modelDelta(from: Samples.digest(2), to: Samples.digest(1))
        #expect(back == nil)
      }
    }
  }

  @Test("A blob that is unknown, too large or damaged is named")
  func badFetch() async throws {
    try await TestFederation.serving { federation in
      let digest = await federation.coordinator.offer(Samples.bytes(100, from: 7))
      try await federation.enrolled { client, _ in
        await #expect(throws: WireError.unknownBlob(Samples.digest(1))) {
          try await client.fetchBlob(Samples.digest(1), limit: 100)
        }
        await #expect(throws: WireError.oversize(what: "blob \(digest)", limit: 99, found: 100)) {
          try await client.fetchBlob(digest, limit: 99)
        }
        await federation.coordinator.corrupt(digest)
        await #expect(throws: WireError.corruptBlob(digest)) { try await client.fetchBlob(digest, limit: 100) }
      }
    }
  }
}
