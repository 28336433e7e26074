public import Bases
public import Models
public import Schemas

/// Why a specialist cannot be exported, read or asked.
public enum SpecialistError: Error, Sendable, Equatable, CustomStringConvertible {
  case unreadableFile(file: String, reason: String)
  case unwritableFile(file: String, reason: String)
  /// The file is no specialist; `reason` says what is wrong with it.
  case notASpecialist(file: String, reason: SchemaError)
  /// The file's lineage cannot be understood or contradicts the rest of it.
  case badLineage(file: String, reason: String)
  /// The checkpoint holds no trained model yet.
  case unfinished
  case model(ModelError)
  /// The base model that the specialist builds on is not at hand.
  case base(BaseError)
  /// A specialist that trained something else than adapters, or that is a table's, has none to write.
  case noAdapters
  /// A specialist of a table answers rows, not a text.
  case answersNoText

  public var description: String {
    switch self {
    case .unreadableFile(let file, let reason): "\(file): \(reason)"
    case .unwritableFile(let file, let reason): "\(file): cannot be written: \(reason)"
    case .notASpecialist(let file, let reason): "\(file): not a specialist: \(reason)"
    case .badLineage(let file, let reason): "\(file): metadata \"tributary.lineage\" \(reason)"
    case .unfinished: "the checkpoint holds no trained model"
    case .model(let error): error.description
    case .base(let error): error.description
    case .noAdapters: "the specialist has no adapters"
    case .answersNoText: "the specialist reads the columns of a table, not a text"
    }
  }

  public var hint: String? {
    switch self {
    case .notASpecialist: "give a file that `tributary export` wrote"
    case .badLineage: "the file was changed after its export; ask its coordinator for another copy"
    case .unfinished: "export a run once `tributary status` shows it finished"
    case .unwritableFile: "give another path with --output"
    case .model(let error): error.hint
    case .base(let error): error.hint
    case .noAdapters: "export it as one file: leave --format out"
    case .answersNoText: "tributary predict FILE ROWS reads rows"
    case .unreadableFile: "check the path; `tributary export` writes such files"
    }
  }
}
