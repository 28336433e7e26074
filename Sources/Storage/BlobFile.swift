import Foundation

/// One open file; closed when it goes out of scope.
struct BlobFile: ~Copyable {
  let path: String
  private let descriptor: Int32

  init(path: String, flags: Int32) throws(StorageError) {
    self.path = path
    descriptor = open(path, flags | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .system(errno, path: path, operation: "open the file") }
  }

  deinit { close(descriptor) }

  func size() throws(StorageError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system(errno, path: path, operation: "examine the file") }
    return Int(status.st_size)
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress! + written, bytes.count - written, off_t(offset + written))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw .system(errno, path: path, operation: "write the file")
      }
      written += count
    }
  }

  /// Exactly `count` bytes unless the file ends before.
  func read(from offset: Int, count: Int) throws(StorageError) -> [UInt8] {
    var failure: Int32?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      while initialized < count {
        let got = pread(descriptor, buffer.baseAddress! + initialized, count - initialized, off_t(offset + initialized))
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { return }
        initialized += got
      }
    }
    if let failure { throw .system(failure, path: path, operation: "read the file") }
    return bytes
  }

  /// Returns once the bytes are on the disk.
  func synchronize() throws(StorageError) {
    guard fsync(descriptor) == 0 else { throw .system(errno, path: path, operation: "write to the disk") }
  }
}
