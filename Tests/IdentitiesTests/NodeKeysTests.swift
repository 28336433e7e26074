import Foundation
import SecureAggregation
import Testing

@testable import Identities

struct NodeKeysTests {
  @Test("Keys are written 0600 and loaded as the same keys")
  func roundTrip() throws {
    try withTemporaryDirectory { directory in
      let keys = try NodeKeys()
      try keys.save(in: directory)
      let loaded = try NodeKeys(directory: directory)
      #expect(loaded.averaging.publicKey == keys.averaging.publicKey)
      // The TLS key is the same if its certificate request asks for the same key.
      let requests = try [keys, loaded].map { try CertificateRequest(der: $0.certificateRequest(name: "a")).publicKey }
      #expect(requests[0] == requests[1])
      for file in ["tls.key", "averaging.key"] {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(file)")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2, "no temporary file is left")
    }
  }

  @Test(
    "Keys that others may read are refused, and the hint says how to close them",
    arguments: ["tls.key", "averaging.key"])
  func tooOpen(file: String) throws {
    try withTemporaryDirectory { directory in
      try NodeKeys().save(in: directory)
      let path = "\(directory)/\(file)"
      try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
      let expected = IdentityError.keyFileTooOpen(path: path, mode: "0640")
      #expect(throws: expected) { try NodeKeys(directory: directory) }
      #expect(expected.hint == "chmod 600 \(path)")
    }
  }

  @Test("Existing keys are never overwritten")
  func once() throws {
    try withTemporaryDirectory { directory in
      try NodeKeys().save(in: directory)
      #expect(throws: IdentityError.alreadyExists(path: "\(directory)/tls.key")) { try NodeKeys().save(in: directory) }
    }
  }

  @Test("Missing and damaged keys are named")
  func damaged() throws {
    try withTemporaryDirectory { directory in
      #expect(throws: IdentityError.keyFileMissing(path: "\(directory)/tls.key")) { try NodeKeys(directory: directory) }
      try NodeKeys().save(in: directory)
      for (file, contents) in [("averaging.key", "00ff\n"), ("tls.key", "-----BEGIN"), ("tls.key", "")] {
        try PrivateFile.replace("\(directory)/\(file)", contents: Array(contents.utf8))
        #expect(throws: IdentityError.self) { try NodeKeys(directory: directory) }
      }
    }
  }

  @Test("Erasing removes both key files and may be repeated")
  func erase() throws {
    try withTemporaryDirectory { directory in
      try NodeKeys().save(in: directory)
      try NodeKeys.erase(in: directory)
      try NodeKeys.erase(in: directory)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
    }
  }

  @Test("Keys and TLS material print no secret")
  func secrets() throws {
    let keys = try NodeKeys()
    let material = try keys.selfSigned(name: "a")
    for text in ["\(keys)", "\(material)", String(reflecting: keys), String(reflecting: material)] {
      #expect(!text.contains("PRIVATE") && !text.contains(keys.averaging.seed.bytes.hexadecimal))
    }
  }
}
