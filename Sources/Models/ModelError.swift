import Schemas
import Tensors
import Tokenizers

/// What is wrong with rows, a model or its training. Rows are private: an error names lines and columns, never a value.
public enum ModelError: Error, Sendable, Equatable, CustomStringConvertible {
  // Rows
  case unreadableFile(file: String, reason: String)
  case unknownFileType(file: String)
  /// A row that is no row of its format: ragged, a quote that never closes, not JSON.
  case malformedRow(file: String, line: Int, problem: String)
  /// A column that the schema neither declares nor ignores; `nearest` is the most similar declared name.
  case unknownColumn(file: String, line: Int, column: String, nearest: String?)
  case missingColumn(file: String, line: Int, column: String)
  case duplicateColumn(file: String, column: String)
  /// The fold of a row is not a whole number of at least 0.
  case badFold(file: String, line: Int, column: String)
  /// A fold was asked for and the schema names no fold column.
  case noFoldColumn
  /// A row to predict breaks the schema: a model is not asked about what it was not trained for.
  case rowBreaksSchema(file: String, line: Int, column: String, problem: String)
  /// Rows were read under another schema than the checkpoint's.
  case otherSchema
  case schema(SchemaError)

  // Base models
  /// A configuration or its files contradict themselves or what a model needs.
  case badModel(file: String, problem: String)
  /// The model computes something that is not implemented; `what` names it as the file does.
  case unsupportedModel(file: String, what: String)
  case missingTensor(file: String, tensor: String)
  case wrongTensorShape(file: String, tensor: String, expected: [Int], found: [Int])
  case tensors(file: String, TensorError)
  case tokenizer(file: String, TokenizerError)
  /// The base model has other dimensions than the plan says.
  case otherBaseModel

  // Networks
  /// There is nothing to train on.
  case noRows
  /// Parameters, features or labels that do not fit the network; `what` names them.
  case wrongShape(what: String, expected: Int, found: Int)
  /// A setting of a call, such as a sampling temperature, outside its range.
  case badSetting(name: String, expected: String, found: String)
  /// Training left the finite numbers.
  case diverged(step: Int)

  public var description: String {
    switch self {
    case .unreadableFile(let file, let reason): "\(file): \(reason)"
    case .unknownFileType(let file): "\(file): not a .csv or .jsonl file"
    case .malformedRow(let file, let line, let problem): "\(file):\(line): \(problem)"
    case .unknownColumn(let file, let line, let column, _):
      "\(file):\(line): column \"\(column)\" is not in the schema"
    case .missingColumn(let file, let line, let column):
      "\(file):\(line): column \"\(column)\" of the schema is missing"
    case .duplicateColumn(let file, let column): "\(file): column \"\(column)\" occurs twice in the header"
    case .badFold(let file, let line, let column):
      "\(file):\(line): column \"\(column)\" needs a whole number of at least 0"
    case .noFoldColumn: "a fold is held out, but the schema names no fold column"
    case .rowBreaksSchema(let file, let line, let column, let problem):
      "\(file):\(line): column \"\(column)\": \(problem)"
    case .otherSchema: "the rows were read under another schema than the checkpoint's"
    case .schema(let error): error.description
    case .badModel(let file, let problem): "\(file): \(problem)"
    case .unsupportedModel(let file, let what): "\(file): \(what) is not supported"
    case .missingTensor(let file, let tensor): "\(file): tensor \"\(tensor)\" is missing"
    case .wrongTensorShape(let file, let tensor, let expected, let found):
      "\(file): tensor \"\(tensor)\" has shape \(found), expected \(expected)"
    case .tensors(_, .changed(let file)): TensorError.changed(file: file).description
    case .tensors(let file, let error): "\(file): \(error.description)"
    case .otherBaseModel: "the base model's dimensions are not those of the plan's `model.shape`"
    case .tokenizer(let file, let error): "\(file): \(error.description)"
    case .noRows: "there are no rows to train on"
    case .wrongShape(let what, let expected, let found): "\(what): found \(found), expected \(expected)"
    case .badSetting(let name, let expected, let found): "\(name): expected \(expected), found \(found)"
    case .diverged(let step): "training left the finite numbers at step \(step)"
    }
  }

  public var hint: String? {
    switch self {
    case .unknownFileType:
      "name the file by its format: comma-separated .csv with a header, or .jsonl with an object per line"
    case .unknownColumn(_, _, _, let nearest?): "did you mean \"\(nearest)\"? otherwise list it under `schema.ignore`"
    case .unknownColumn: "list it under `schema.ignore` if nobody should read it"
    case .missingColumn: "write the column with empty cells (null in JSON) where the value is not known"
    case .noFoldColumn: "add `fold: COLUMN` to the plan's schema, or remove `evaluation.fold`"
    case .rowBreaksSchema: "correct the value, or leave the cell empty if it is not known"
    case .noRows: "see `tributary preview` for the rows that were dropped and why"
    case .unsupportedModel:
      "base models are BERT encoders (model type `bert`) and Llama decoders (`llama`, `qwen2`) without extensions"
    case .missingTensor, .wrongTensorShape: "the weights do not belong to this configuration: fetch the model again"
    case .tensors(_, let error): error.hint
    case .tokenizer(_, let error): error.hint
    case .otherBaseModel: "this run needs the base model that its plan names"
    case .diverged: "lower `training.learningRate`"
    case .schema(let error): error.hint
    case .unreadableFile, .malformedRow, .duplicateColumn, .badFold, .otherSchema, .badModel, .wrongShape, .badSetting:
      nil
    }
  }
}

extension ModelError {
  /// What reading that file threw.
  static func reading(_ file: String, _ error: TensorError) -> ModelError {
    if case .unreadable(let file, let reason) = error { return .unreadableFile(file: file, reason: reason) }
    return .tensors(file: file, error)
  }
}
