import Foundation
import Identities
import Testing

@testable import Wire

@Suite("TLS as another program sees it", .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")))
struct TransportTests {
  /// What `openssl s_client` says of the port, with a client certificate and an HTTP/2 preface as its input.
  func openssl(_ port: Int, _ options: [String]) async throws -> String {
    let directory = FileManager.default.temporaryDirectory.appending(path: "t-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let material = try NodeKeys().selfSigned(name: "north")
    let files = (certificate: directory.appending(path: "c.der"), key: directory.appending(path: "k.pem"))
    try Data(material.chain[0]).write(to: files.certificate)
    try Data(material.keyPEM.utf8).write(to: files.key)
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/openssl")
    process.arguments =
      [
        "s_client", "-connect", "127.0.0.1:\(port)", "-alpn", "h2", "-ign_eof", "-certform", "DER", "-cert",
        files.certificate.path, "-key", files.key.path,
      ] + options
    let (input, output) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
    return try await withCheckedThrowingContinuation { continuation in
      process.terminationHandler = { _ in
        continuation.resume(returning: String(decoding: output.fileHandleForReading.availableData, as: UTF8.self))
      }
      do {
        try process.run()
        // A preface that breaks off, so that the server ends a connection that it would have kept.
        input.fileHandleForWriting.write(Data("PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n".utf8))
        try input.fileHandleForWriting.close()
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }

  @Test("TLS 1.3 is spoken with anyone who has a certificate, and the chain shows the authority")
  func current() async throws {
    try await TestFederation.serving { federation in
      let said = try await openssl(federation.port, ["-tls1_3", "-showcerts"])
      #expect(said.contains("TLSv1.3"))
      #expect(said.contains("ALPN protocol: h2"))
      #expect(said.components(separatedBy: "BEGIN CERTIFICATE").count - 1 >= 2)
    }
  }

  @Test("TLS 1.2 is closed before a request")
  func old() async throws {
    try await TestFederation.serving { federation in
      let said = try await openssl(federation.port, ["-tls1_2"])
      #expect(said.contains("Cipher is (NONE)"))
    }
  }
}
