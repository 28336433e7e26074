import Foundation

/// Keeps a home to one process at a time. The lock goes with the process, however it ends.
public final class HomeLock: Sendable {
  public let path: String
  private let descriptor: Int32

  /// Takes the lock of the home at `directory`, in its file `lock`.
  ///
  /// - Throws: `.locked`, with the holder's process number where it can be read.
  public init(home directory: String) throws(StorageError) {
    path = directory + "/lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .system(errno, path: path, operation: "open the lock") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      // The descriptor is closed by `deinit`, which runs for a throwing initializer too once all is set.
      let code = errno
      var digits = [UInt8](repeating: 0, count: 20)
      let count = max(0, pread(descriptor, &digits, digits.count, 0))
      guard code == EWOULDBLOCK else { throw .system(code, path: path, operation: "lock the home") }
      let holder = String(decoding: digits.prefix(count).prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self)
      throw .locked(path: directory, holder: holder.isEmpty ? nil : holder)
    }
    // Only for the message above; a failure changes nothing.
    let line = Array("\(getpid())\n".utf8)
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, line, line.count, 0)
  }

  deinit { close(descriptor) }
}
