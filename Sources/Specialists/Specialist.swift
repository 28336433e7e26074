import Foundation
import Schemas
import Tensors

/// A finished model on its own: the parameters, what its rows mean, and where it comes from, in one file.
///
/// The file is a checkpoint with one more key in its metadata; `docs/specialist-format.md` describes all of it.
public struct Specialist: Sendable, Equatable {
  public let checkpoint: Checkpoint
  /// Nil in a checkpoint that was not exported.
  public let lineage: Lineage?

  /// The metadata key of the lineage.
  public static let lineageKey = "tributary.lineage"

  /// The specialist that a run's last checkpoint makes.
  ///
  /// - Throws: `.unfinished` for a checkpoint without parameters; `.badLineage` when it names another plan.
  public init(exporting checkpoint: Checkpoint, lineage: Lineage) throws(SpecialistError) {
    try self.init(checkpoint: checkpoint, lineage: lineage, file: "the exported run")
  }

  /// What somebody trained without a federation: it has no lineage.
  public init(own checkpoint: Checkpoint) throws(SpecialistError) {
    try self.init(checkpoint: checkpoint, lineage: nil, file: "the trained model")
  }

  /// Reads what anyone may have written.
  ///
  /// - Parameter file: The name for errors.
  public init(decoding bytes: [UInt8], file: String) throws(SpecialistError) {
    let checkpoint: Checkpoint
    let text: String?
    do {
      checkpoint = try Checkpoint(decoding: bytes)
      text = try Safetensors(decoding: bytes).metadata[Self.lineageKey]
    } catch let error as SchemaError {
      throw .notASpecialist(file: file, reason: error)
    } catch {
      throw .unreadableFile(file: file, reason: "\(error)")
    }
    var lineage: Lineage?
    if let text {
      do { lineage = try JSONDecoder().decode(Lineage.self, from: Data(text.utf8)) } catch {
        throw .badLineage(file: file, reason: "does not have the expected members")
      }
    }
    try self.init(checkpoint: checkpoint, lineage: lineage, file: file)
  }

  /// Reads the file at `path`, or the specialist of an adapter directory.
  public init(path: String) throws(SpecialistError) {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      self = try Specialist(path: path + "/" + AdapterDirectory.specialistFile)
      return
    }
    let bytes: [UInt8]
    do { bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) } catch {
      let exists = FileManager.default.fileExists(atPath: path)
      throw .unreadableFile(file: path, reason: exists ? "cannot be read" : "no such file")
    }
    try self.init(decoding: bytes, file: path)
  }

  private init(checkpoint: Checkpoint, lineage: Lineage?, file: String) throws(SpecialistError) {
    guard checkpoint.parameters != nil else { throw .unfinished }
    if let lineage {
      guard lineage.plan == checkpoint.planDigest else {
        throw .badLineage(file: file, reason: "names the plan \(lineage.plan), expected \(checkpoint.planDigest)")
      }
      guard lineage.rounds >= 0, lineage.participants >= 0 else {
        throw .badLineage(file: file, reason: "counts fewer than no rounds or participants")
      }
    }
    self.checkpoint = checkpoint
    self.lineage = lineage
  }

  /// The file's bytes; the same for equal specialists.
  public func encoded() -> [UInt8] {
    guard let lineage else { return checkpoint.encoded() }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return checkpoint.encoded(lineage: [Self.lineageKey: String(decoding: try encoder.encode(lineage), as: UTF8.self)]
      )
    } catch { preconditionFailure("a lineage holds whole numbers and text only: \(error)") }
  }

  /// Writes the file at `path`, replacing what is there in one step.
  public func write(to path: String) throws(SpecialistError) {
    do { try Data(encoded()).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw .unwritableFile(file: path, reason: error.localizedDescription)
    }
  }
}
