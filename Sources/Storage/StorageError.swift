import Foundation

/// Why something could not be stored or read back. After any of these, what was stored before is as it was.
public enum StorageError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Nothing of the write was kept.
  case diskFull(path: String)
  /// Another process holds a lock on the database for too long.
  case busy(path: String)
  /// A file does not hold what it was written with.
  case corrupt(path: String, detail: String)
  /// The home belongs to a running process.
  case locked(path: String, holder: String?)
  case missing(path: String)
  case notPermitted(path: String)
  /// The database was written by a later version of the program.
  case newerFormat(path: String)
  /// A database opened for reading was asked to write.
  case readOnly(path: String)
  case failed(path: String, operation: String, detail: String)

  /// A digest that names no stored blob.
  case noSuchBlob(digest: String)
  /// A whole upload whose bytes have another digest than announced.
  case wrongDigest(expected: String, found: String)
  /// A blob larger than this directory takes, or an upload past its announced size.
  case tooLarge(bytes: Int, limit: Int)
  /// As many senders as may have an upload in progress at once.
  case tooManyUploads(limit: Int)
  /// A chunk that does not continue where the upload stands.
  case wrongOffset(expected: Int, found: Int)

  public var description: String {
    switch self {
    case .diskFull(let path): "\(path): no space left on the disk; nothing of this write was kept"
    case .busy(let path): "\(path): another process keeps the database locked"
    case .corrupt(let path, let detail): "\(path): not what was written there: \(detail)"
    case .locked(let path, let holder): "\(path): in use by \(holder.map { "process \($0)" } ?? "another process")"
    case .missing(let path): "\(path): no such file"
    case .notPermitted(let path): "\(path): permission denied"
    case .newerFormat(let path): "\(path): written by a later version of tributary"
    case .readOnly(let path): "\(path): opened for reading only"
    case .failed(let path, let operation, let detail): "\(path): cannot \(operation): \(detail)"
    case .noSuchBlob(let digest): "no blob sha256:\(digest) is stored"
    case .wrongDigest(let expected, let found): "the upload's digest is sha256:\(found), expected sha256:\(expected)"
    case .tooLarge(let bytes, let limit): "\(bytes) bytes are too many, expected at most \(limit)"
    case .tooManyUploads(let limit): "\(limit) uploads are in progress already"
    case .wrongOffset(let expected, let found): "the chunk starts at byte \(found), expected \(expected)"
    }
  }

  /// What can be done about it, where something can.
  public var hint: String? {
    switch self {
    case .diskFull(let path): "free some space (`df -h \(path)` shows how much is left), then start again"
    case .busy: "end the other program that has this database open, then try again"
    case .corrupt: "restore the home from a backup"
    case .locked: "stop the running coordinator first: `tributary stop`"
    case .missing: "check the path; `tributary init` creates a coordinator's home"
    case .notPermitted(let path): "run as the user who owns it: `ls -ld \(path)`"
    case .newerFormat: "use the tributary that wrote it, or a later one"
    case .wrongOffset(let expected, _): "ask where the upload stands and go on from byte \(expected)"
    case .wrongDigest: "send the upload again from its beginning"
    case .tooManyUploads: "try again when another upload has ended"
    case .readOnly, .failed, .noSuchBlob, .tooLarge: nil
    }
  }

  /// The error that a failed system call left in `errno`.
  static func system(_ code: Int32, path: String, operation: String) -> StorageError {
    switch code {
    case ENOSPC, EDQUOT: .diskFull(path: path)
    case ENOENT: .missing(path: path)
    case EACCES, EPERM, EROFS: .notPermitted(path: path)
    default: .failed(path: path, operation: operation, detail: String(cString: strerror(code)))
    }
  }
}
