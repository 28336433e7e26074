import Foundation
import Tensors

/// The state of a run of an `encoder` or `decoder` model between two rounds: what is trained of which base model, and the
/// trained vector, never a weight of the base.
///
/// As bytes it is a safetensors file, see `encoded()`; its name is the SHA-256 of these bytes. It holds no run: the same
/// plan begins with the same genesis, whoever runs it.
public struct LanguageCheckpoint: Sendable, Equatable {
  /// The digest of the plan, as text.
  public var planDigest: String
  public var schema: TextSchema
  public var base: BaseReference
  public var training: LanguageTraining
  /// In the layout of `training`.
  public var parameters: Parameters

  /// What a run starts from: it follows from the plan alone, so that a coordinator needs no base model.
  public static func genesis(
    planDigest: String, schema: TextSchema, base: BaseReference, training: LanguageTraining
  ) -> Self {
    Self(
      planDigest: planDigest, schema: schema, base: base, training: training,
      parameters: training.initialParameters())
  }

  /// The checkpoint after an update.
  public func replacing(parameters: Parameters) throws(SchemaError) -> Self {
    guard parameters.layout == training.layout else {
      throw .wrongLength(what: "parameters", expected: training.layout.count, found: parameters.values.count)
    }
    var next = self
    next.parameters = parameters
    return next
  }
}

extension LanguageCheckpoint {
  /// Keys of the metadata besides those of every checkpoint.
  public enum MetadataKey {
    public static let base = "tributary.base"
    public static let training = "tributary.training"
  }

  /// The value of `tributary.format`: the family, and the version of this description.
  public static func format(of family: LanguageShape.Family) -> String { "\(family.rawValue)/1" }

  public var format: String { Self.format(of: training.shape.family) }

  /// A safetensors file whose tensors are the parameters and whose metadata is the rest; equal checkpoints have equal bytes.
  ///
  /// - Parameter lineage: More metadata, for an exported file; its keys must not be those of the checkpoint itself.
  public func encoded(lineage: [String: String] = [:]) -> [UInt8] {
    var metadata = lineage
    metadata[CheckpointMetadata.format] = format
    metadata[CheckpointMetadata.plan] = planDigest
    metadata[CheckpointMetadata.schema] = CheckpointMetadata.json(schema)
    metadata[MetadataKey.base] = CheckpointMetadata.json(base)
    metadata[MetadataKey.training] = CheckpointMetadata.json(training)
    return Safetensors(parameters, metadata: metadata).encoded()
  }

  /// Reads a checkpoint that anyone may have written, and refuses it unless all its parts fit each other.
  init(_ file: Safetensors) throws(SchemaError) {
    planDigest = try CheckpointMetadata.text(CheckpointMetadata.plan, of: file)
    schema = try CheckpointMetadata.needed(CheckpointMetadata.schema, of: file)
    base = try CheckpointMetadata.needed(MetadataKey.base, of: file)
    training = try CheckpointMetadata.needed(MetadataKey.training, of: file)
    try schema.validate()
    try base.validate()
    try training.validate()
    guard file.metadata[CheckpointMetadata.format] == Self.format(of: training.shape.family) else {
      throw .badCheckpoint("its format names another family than its training")
    }
    guard training.task == schema.target.task else {
      throw .badCheckpoint("its training answers something else than its schema asks for")
    }
    do { parameters = try file.parameters() } catch { throw .tensors(error) }
    guard parameters.layout == training.layout else {
      throw .badCheckpoint("the tensors are not those of the training, by name, order and shape")
    }
  }
}
