import Foundation
public import SecureAggregation

/// The uploads in progress of one blob directory: at most one of each sender, and not more senders than a roster has.
///
/// A sender that announces another blob gives up the one before, so that nobody fills the disk with beginnings. What one
/// sender asks for happens one after the other, so that two streams of one upload cannot write over each other. An upload
/// stays here, whole or not, until it is dropped: what becomes a blob is written anew from the bytes that were checked, and
/// no open file can reach it.
public actor UploadDesk {
  private let blobs: BlobDirectory
  private let maximumCount: Int
  /// Senders whose upload is being worked on, and who waits for it.
  private var busy: [String: [CheckedContinuation<Void, Never>]] = [:]
  /// The last whole upload of each sender that had its announced digest.
  private var checked: [String: Digest] = [:]

  /// - Parameter maximumCount: How many senders may have something in progress.
  public init(_ blobs: BlobDirectory, maximumCount: Int = 255) {
    self.blobs = blobs
    self.maximumCount = maximumCount
  }

  /// Announces an upload: how many of its bytes are here, from the start; all of them only if they have the digest.
  ///
  /// An upload that is whole and is not what was announced is dropped, and starts again from nothing.
  public func received(_ upload: PartialUpload) async throws(StorageError) -> Int {
    try await inTurn(upload.sender) { () throws(StorageError) in
      try blobs.dropOthers(than: upload)
      let size = try blobs.size(of: upload)
      guard size >= upload.totalBytes else { return size }
      do throws(StorageError) { try await check(upload) } catch {
        guard case .wrongDigest = error else { throw error }
        return 0
      }
      return upload.totalBytes
    }
  }

  /// Adds a chunk.
  ///
  /// - Returns: How many bytes have arrived.
  /// - Throws: `.tooLarge` for an announced length above the directory's limit or a chunk past the announced length;
  ///   `.wrongOffset` for a chunk that leaves a gap or repeats; `.tooManyUploads`.
  @discardableResult
  public func append(_ chunk: [UInt8], to upload: PartialUpload, at offset: Int) async throws(StorageError) -> Int {
    try await inTurn(upload.sender) { () throws(StorageError) in
      let inProgress = try blobs.dropOthers(than: upload)
      guard inProgress < maximumCount || blobs.isInProgress(upload) else { throw .tooManyUploads(limit: maximumCount) }
      checked[upload.sender] = nil
      return try await blobs.append(chunk, to: upload, at: offset)
    }
  }

  /// Checks that the upload is whole and has the digest that was announced.
  ///
  /// - Throws: `.wrongDigest`, and then the upload starts again from nothing; `.noSuchBlob` if it is not whole.
  public func finish(_ upload: PartialUpload) async throws(StorageError) {
    try await inTurn(upload.sender) { () throws(StorageError) in try await check(upload) }
  }

  /// The bytes of a whole upload, checked against its digest.
  public func bytes(of digest: Digest, from sender: String, limit: Int) async throws(StorageError) -> [UInt8] {
    try await inTurn(sender) { () throws(StorageError) in
      do throws(StorageError) {
        return try await blobs.bytes(of: PartialUpload(digest: digest, totalBytes: limit, sender: sender))
      } catch {
        if case .wrongDigest = error { try blobs.discardUploads(from: sender) }
        throw error
      }
    }
  }

  /// Drops what a sender has in progress.
  public func discard(from sender: String) async throws(StorageError) {
    try await inTurn(sender) { () throws(StorageError) in
      checked[sender] = nil
      try blobs.discardUploads(from: sender)
    }
  }

  private func check(_ upload: PartialUpload) async throws(StorageError) {
    guard try blobs.size(of: upload) == upload.totalBytes else { throw .noSuchBlob(digest: upload.digest.hex) }
    if checked[upload.sender] == upload.digest { return }
    do throws(StorageError) { _ = try await blobs.bytes(of: upload) } catch {
      if case .wrongDigest = error { try blobs.discardUploads(from: upload.sender) }
      throw error
    }
    checked[upload.sender] = upload.digest
  }

  /// One after the other for each sender; senders do not wait for each other.
  private func inTurn<Value>(
    _ sender: String, _ body: () async throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    while busy[sender] != nil { await withCheckedContinuation { busy[sender]?.append($0) } }
    busy[sender] = []
    defer { for waiting in busy.removeValue(forKey: sender) ?? [] { waiting.resume() } }
    return try await body()
  }
}

// The files. Those that take long are off the desk, so that it can serve another sender meanwhile.

extension BlobDirectory {
  fileprivate func path(_ upload: PartialUpload) -> String { "\(partialPath)/\(upload.fileName)" }

  fileprivate func isInProgress(_ upload: PartialUpload) -> Bool { access(path(upload), F_OK) == 0 }

  fileprivate func size(of upload: PartialUpload) throws(StorageError) -> Int {
    guard isInProgress(upload) else { return 0 }
    return try BlobFile(path: path(upload), flags: O_RDONLY).size()
  }

  @concurrent
  fileprivate func append(
    _ chunk: [UInt8], to upload: PartialUpload, at offset: Int
  ) async throws(StorageError) -> Int {
    guard upload.totalBytes >= 0, upload.totalBytes <= maximumBytes else {
      throw .tooLarge(bytes: upload.totalBytes, limit: maximumBytes)
    }
    let file = try BlobFile(path: path(upload), flags: O_RDWR | O_CREAT)
    let size = try file.size()
    guard offset == size else { throw .wrongOffset(expected: size, found: offset) }
    let (end, overflow) = offset.addingReportingOverflow(chunk.count)
    guard !overflow, end <= upload.totalBytes else {
      throw .tooLarge(bytes: overflow ? Int.max : end, limit: upload.totalBytes)
    }
    try file.write(chunk, at: offset)
    return end
  }

  /// The whole upload, of at most `totalBytes`.
  @concurrent
  fileprivate func bytes(of upload: PartialUpload) async throws(StorageError) -> [UInt8] {
    let size = try size(of: upload)
    guard isInProgress(upload), size <= upload.totalBytes else { throw .noSuchBlob(digest: upload.digest.hex) }
    let bytes = try BlobFile(path: path(upload), flags: O_RDONLY).read(from: 0, count: size)
    let found = Digest(sha256: bytes)
    guard found == upload.digest else { throw .wrongDigest(expected: upload.digest.hex, found: found.hex) }
    return bytes
  }

  /// Deletes whatever else the sender has in progress.
  ///
  /// - Returns: How many uploads are in progress, of all senders.
  @discardableResult
  fileprivate func dropOthers(than upload: PartialUpload) throws(StorageError) -> Int {
    let prefix = PartialUpload.prefix(of: upload.sender)
    var count = 0
    for name in try namesInProgress() {
      if name.hasPrefix(prefix), name != upload.fileName { unlink("\(partialPath)/\(name)") } else { count += 1 }
    }
    return count
  }

  fileprivate func discardUploads(from sender: String) throws(StorageError) {
    let prefix = PartialUpload.prefix(of: sender)
    for name in try namesInProgress() where name.hasPrefix(prefix) { unlink("\(partialPath)/\(name)") }
  }

  /// Forgets every upload in progress and whatever a crash left behind, once nobody is to go on sending.
  public func discardPartialUploads() throws(StorageError) {
    for name in try namesInProgress() { unlink("\(partialPath)/\(name)") }
  }

  private func namesInProgress() throws(StorageError) -> [String] {
    do { return try FileManager.default.contentsOfDirectory(atPath: partialPath) } catch {
      throw .failed(path: partialPath, operation: "list the directory", detail: error.localizedDescription)
    }
  }
}
