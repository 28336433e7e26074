import Documents
import Foundation
public import Identities
import SecureAggregation
import Storage

/// A coordinator's directory: settings, its certificate authority and signing key, the event log and the blobs.
///
///     home.yaml           settings, for people
///     authority.pem/.key  the certificate authority that participants pin
///     coordinator.key     Ed25519, signs round plans and closes
///     events.sqlite       the append-only log that everything is rebuilt from
///     blobs/              checkpoints, sums and masked uploads, named by their SHA-256
///     operator.sock       while `serve` runs: the operator's commands
///     lock                held while `serve` runs
///
/// The directory is 0700 and its keys 0600: whoever reads it is the coordinator.
public struct CoordinatorHome: Sendable {
  public let path: String
  public let settings: HomeSettings

  public var eventsPath: String { "\(path)/events.sqlite" }
  public var blobsPath: String { "\(path)/blobs" }
  public var socketPath: String { "\(path)/operator.sock" }
  var signerPath: String { "\(path)/coordinator.key" }

  /// The largest blob: a checkpoint or one masked upload.
  static let largestBlob = 1 << 32

  /// Opens a home that `create` made.
  ///
  /// - Throws: `.noHome`, and what is wrong with `home.yaml`, by line.
  public init(opening path: String) throws(CoordinationError) {
    self.path = path
    let file = "\(path)/home.yaml"
    guard let bytes = FileManager.default.contents(atPath: file) else {
      guard FileManager.default.fileExists(atPath: file) else { throw .noHome(path) }
      throw .cannotRead(path: file, reason: "no permission")
    }
    do {
      settings = try StrictYAML.decode(HomeSettings.self, from: String(decoding: bytes, as: UTF8.self), file: file)
    } catch {
      throw .settings(error)
    }
    try settings.validate(path: file)
  }

  /// Makes a new home, whole or not at all: it is filled under another name and then renamed.
  ///
  /// - Throws: `.homeExists` if there is one, `.notEmpty` if the directory holds anything else.
  @discardableResult
  public static func create(at path: String, settings: HomeSettings = HomeSettings()) throws(CoordinationError) -> Self
  {
    let files = FileManager.default
    if files.fileExists(atPath: "\(path)/home.yaml") { throw .homeExists(path) }
    if let found = try? files.contentsOfDirectory(atPath: path), !found.isEmpty { throw .notEmpty(path) }
    try settings.validate(path: "\(path)/home.yaml")
    let fresh = "\(path).new-\(getpid())"
    do {
      try files.createDirectory(
        atPath: fresh, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      defer { try? files.removeItem(atPath: fresh) }
      try CoordinatorAuthority().save(in: fresh)
      try IdentitySigner.generate().save(file: "\(fresh)/coordinator.key")
      _ = try BlobDirectory(path: "\(fresh)/blobs", maximumBytes: largestBlob)
      try SQLiteEventStore(path: "\(fresh)/events.sqlite").close()
      try PrivateFile.create("\(fresh)/home.yaml", contents: Array(settings.yaml.utf8))
      guard rename(fresh, path) == 0 else {
        throw CoordinationError.cannotWrite(path: path, reason: String(cString: strerror(errno)))
      }
    } catch {
      throw .making(error, path: path)
    }
    return try Self(opening: path)
  }

  /// The certificate authority, with its private key.
  public func authority() throws(CoordinationError) -> CoordinatorAuthority {
    do { return try CoordinatorAuthority(directory: path) } catch {
      throw .keys(message: error.description, suggestion: error.hint)
    }
  }

  /// The key that signs round plans and closes.
  func signer() throws(CoordinationError) -> IdentitySigner {
    do { return try IdentitySigner(file: signerPath) } catch {
      throw .keys(message: error.description, suggestion: error.hint)
    }
  }

  func blobs() throws(CoordinationError) -> BlobDirectory {
    do { return try BlobDirectory(path: blobsPath, maximumBytes: Self.largestBlob) } catch {
      throw .storage(message: error.description, suggestion: error.hint)
    }
  }
}

extension CoordinationError {
  /// Wraps what went wrong while a home was made.
  static func making(_ error: any Error, path: String) -> CoordinationError {
    switch error {
    case let error as CoordinationError: error
    case let error as IdentityError: .keys(message: error.description, suggestion: error.hint)
    case let error as StorageError: .storage(message: error.description, suggestion: error.hint)
    default: .cannotWrite(path: path, reason: (error as NSError).localizedDescription)
    }
  }
}
