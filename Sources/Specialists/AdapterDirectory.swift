import Foundation
import Models
import Schemas

/// A language specialist as a directory that the `peft` package loads beside the base model.
///
///     adapter_config.json, adapter_model.safetensors    as peft writes them
///     head.safetensors                                   of a label or a score
///     specialist.safetensors                             the specialist itself, with its lineage: what `tributary` reads
public enum AdapterDirectory {
  /// The specialist's own file in the directory.
  public static let specialistFile = "specialist.safetensors"

  /// - Throws: `.noAdapters` for a specialist whose head or whole encoder was trained.
  public static func write(_ specialist: Specialist, to path: String) throws(SpecialistError) {
    guard case .language(let checkpoint) = specialist.checkpoint, checkpoint.training.method == .adapters else {
      throw .noAdapters
    }
    var files = AdapterFiles.files(
      checkpoint.parameters, training: checkpoint.training, base: checkpoint.base.name)
    files.append((specialistFile, specialist.encoded()))
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for file in files {
        try Data(file.bytes).write(to: URL(fileURLWithPath: path + "/" + file.name), options: .atomic)
      }
    } catch { throw .unwritableFile(file: path, reason: error.localizedDescription) }
  }
}
