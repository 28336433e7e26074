import Documents
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A data owner's directory (mode 0700): settings, policy, keys, the state of rounds, models, and the record.
///
///     node.yaml        who this node is and which coordinator it belongs to
///     policy.yaml      what the owner allows
///     keys/            TLS key, averaging key, the secret behind local randomness: 0600, made here, never sent
///     certificates/    the node's certificate, the coordinator's authority and averaging key
///     state/           what rounds have bound the node to (ledger), and one file for a round that is under way
///     models/          checkpoints by digest, and the local model that status compares with
///     record.jsonl     what was shared, when and with whom; kept after leave
public struct NodeHome: Sendable {
  public let path: String
  /// Shared by the copies of this value, which so read a line of the ledger once.
  let journal: LedgerJournal

  /// Names a directory without touching it.
  public init(path: String) {
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    journal = LedgerJournal(file: self.path + "/state/ledger.jsonl")
  }

  var settingsFile: String { path + "/node.yaml" }
  var policyFile: String { path + "/policy.yaml" }
  var keysDirectory: String { path + "/keys" }
  var certificatesDirectory: String { path + "/certificates" }
  var stateDirectory: String { path + "/state" }
  var modelsDirectory: String { path + "/models" }
  var recordFile: String { path + "/record.jsonl" }
  var lockFile: String { path + "/state/lock" }
  var ledgerFile: String { path + "/state/ledger.jsonl" }

  /// Whether `join` has made this a node's home.
  public var exists: Bool { OwnedFile.exists(settingsFile) }

  /// Makes the directories of a home; those that are there stay.
  func makeDirectories() throws(ParticipationError) {
    for directory in [path, keysDirectory, certificatesDirectory, stateDirectory, modelsDirectory] {
      try OwnedFile.makeDirectory(directory)
    }
  }
}

// MARK: - Settings and policy

extension NodeHome {
  /// Reads `node.yaml`.
  public func settings() throws(ParticipationError) -> NodeSettings {
    guard let bytes = try OwnedFile.read(settingsFile) else { throw .noHome(path: path) }
    let settings = try decodeYAML(NodeSettings.self, from: bytes, file: settingsFile)
    try settings.validate(file: settingsFile)
    return settings
  }

  /// Writes `node.yaml` anew.
  func save(_ settings: NodeSettings) throws(ParticipationError) {
    do {
      let text = """
        # Written by tributary join. data:, bases:, threads: and memoryMiB: may be changed; the rest belongs to the
        # certificate.

        """
      try OwnedFile.replace(settingsFile, with: Array((text + (try StrictYAML.encode(settings))).utf8))
    } catch let error as DocumentError {
      throw .document(message: error.description, hint: error.hint)
    } catch let error as ParticipationError {
      throw error
    } catch {
      throw .file(path: settingsFile, reason: "\(error)")
    }
  }

  /// Names the file with this node's rows; the path becomes absolute.
  public func setData(file: String) throws(ParticipationError) {
    var settings = try settings()
    settings.data = URL(fileURLWithPath: file).standardizedFileURL.path
    try save(settings)
  }

  /// Names one more copy of a base model; the path becomes absolute.
  public func addBase(_ path: String) throws(ParticipationError) {
    var settings = try settings()
    let base = URL(fileURLWithPath: path).standardizedFileURL.path
    if !settings.bases.contains(base) { settings.bases.append(base) }
    try save(settings)
  }

  /// The node's rows and what it reads and trains them with.
  func rowSource() throws(ParticipationError) -> RowSource {
    let settings = try settings()
    guard let data = settings.data else { throw .noData(path: path) }
    return RowSource(data: data, bases: settings.bases, threads: settings.threads)
  }

  /// Reads `policy.yaml`; a home without one allows nothing.
  public func policy() throws(ParticipationError) -> NodePolicy { try readPolicy().policy }

  /// Changes the policy and writes the keys that changed; comments and other keys stay as the owner wrote them.
  ///
  /// Under the state lock, so that of two commands at once neither takes back what the other wrote.
  @discardableResult
  public func changePolicy(_ change: (inout NodePolicy) throws(ParticipationError) -> Void) throws(ParticipationError)
    -> NodePolicy
  {
    guard exists else { throw .noHome(path: path) }
    do {
      return try withStateLock {
        var (old, text) = try readPolicy()
        var new = old
        try change(&new)
        try new.validate(file: policyFile)
        text.change(from: old, to: new)
        try OwnedFile.replace(policyFile, with: Array(text.text.utf8))
        return new
      }
    } catch { throw ParticipationError(anyError: error) }
  }

  private func readPolicy() throws(ParticipationError) -> (policy: NodePolicy, text: PolicyText) {
    guard exists else { throw .noHome(path: path) }
    guard let bytes = try OwnedFile.read(policyFile) else {
      return (.allowingNothing, PolicyText(.allowingNothing))
    }
    let policy = try decodeYAML(NodePolicy.self, from: bytes, file: policyFile)
    try policy.validate(file: policyFile)
    guard policy.plans.isEmpty || bytes.last == UInt8(ascii: "\n") else {
      throw .document(
        message: "\(policyFile): the last line does not end: the file may be cut short",
        hint: "look at its last line, and end it with a line feed")
    }
    return (policy, PolicyText(String(decoding: bytes, as: UTF8.self)))
  }

  /// Writes a policy that allows nothing, unless the owner already has one.
  func writeFirstPolicy() throws(ParticipationError) {
    guard !OwnedFile.exists(policyFile) else { return }
    try OwnedFile.replace(policyFile, with: Array(PolicyText(.allowingNothing).text.utf8))
  }

  private func decodeYAML<Value: Decodable>(
    _ type: Value.Type, from bytes: [UInt8], file: String
  ) throws(ParticipationError) -> Value {
    do {
      return try StrictYAML.decode(type, from: String(decoding: bytes, as: UTF8.self), file: file)
    } catch {
      throw .document(message: error.description, hint: error.hint)
    }
  }
}

// MARK: - One process at a time

extension NodeHome {
  /// Held while a process takes part with the home: two at once would answer one round twice.
  struct Lock: ~Copyable {
    private let descriptor: Int32

    fileprivate init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }
  }

  /// Takes the lock, or throws `.alreadyRunning`. The kernel releases it when the process ends, however it ends.
  func lock() throws(ParticipationError) -> Lock {
    let descriptor = open(lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .file(path: lockFile, reason: String(cString: strerror(errno))) }
    // Someone who only looks (isInUse) holds it for a moment; a process that takes part, for good.
    for attempt in 0..<5 {
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return Lock(descriptor: descriptor) }
      if attempt < 4 { usleep(10_000) }
    }
    close(descriptor)
    throw .alreadyRunning(path: path)
  }

  /// Whether a process takes part with the home now.
  var isInUse: Bool {
    let descriptor = open(lockFile, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return flock(descriptor, LOCK_SH | LOCK_NB) != 0
  }
}

extension NodeHome {
  /// Changes whenever the owner's files or the ledger do: what a refused instruction may wait for.
  func ownersStamp() -> [Int64] {
    let data = (try? settings())?.data
    return [policyFile, settingsFile, ledgerFile, data ?? ""].flatMap { FileStamp($0).numbers }
  }
}
