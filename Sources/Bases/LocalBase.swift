import Crypto
import Foundation
public import Models
public import Schemas

/// A copy of a base model on this machine, under the digest that plans and specialists name it by.
///
/// Of a single file the digest is the file's SHA-256; of a directory that of the lines `sha256sum` prints for its files in
/// the order of their names, so that it can be made with two commands:
///
///     sha256sum config.json model.safetensors tokenizer.json … | sha256sum
public struct LocalBase: Sendable {
  public let model: BaseModel
  /// `sha256:` and 64 hexadecimal digits.
  public let digest: String

  public init(_ path: String) throws(BaseError) {
    do { model = try BaseModel.open(path) } catch { throw .unusable(error) }
    digest = try Self.digest(of: model)
  }

  /// The base of a plan or a specialist, wherever it lies among some copies.
  ///
  /// - Throws: `.noneGiven`, or `.otherBase` naming what was found instead: another base gives garbage, so that it is
  ///   refused before anything is read with it.
  public static func find(
    _ reference: BaseReference, of shape: LanguageShape, among paths: [String]
  ) throws(BaseError) -> LocalBase {
    guard !paths.isEmpty else { throw .noneGiven(reference) }
    var found: [BaseError.Found] = []
    for path in paths {
      let base = try LocalBase(path)
      guard base.digest == reference.digest else {
        found.append(.init(path: path, digest: base.digest))
        continue
      }
      guard base.model.shape == shape else { throw .otherShape(reference, path: path) }
      return base
    }
    throw .otherBase(reference, found: found)
  }

  private static func digest(of model: BaseModel) throws(BaseError) -> String {
    var lines: [String] = []
    for file in model.files { lines.append("\(try sha256(file.path))  \(file.name)\n") }
    if model.files.count == 1 { return "sha256:" + lines[0].prefix(64) }
    return "sha256:" + hexadecimal(SHA256.hash(data: Data(lines.joined().utf8)))
  }

  /// In pieces, because a base does not fit everywhere twice.
  private static func sha256(_ path: String) throws(BaseError) -> String {
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      defer { try? file.close() }
      var hash = SHA256()
      while let piece = try file.read(upToCount: 1 << 22), !piece.isEmpty { hash.update(data: piece) }
      return hexadecimal(hash.finalize())
    } catch {
      throw .unusable(.unreadableFile(file: path, reason: "cannot be read"))
    }
  }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// Why the base model of a plan or a specialist is not at hand.
public enum BaseError: Error, Sendable, Equatable, CustomStringConvertible {
  public struct Found: Sendable, Equatable {
    public var path: String
    public var digest: String
  }

  case noneGiven(BaseReference)
  case otherBase(BaseReference, found: [Found])
  /// The right files, and a plan that states other dimensions than they have.
  case otherShape(BaseReference, path: String)
  case unusable(ModelError)

  public var description: String {
    switch self {
    case .noneGiven(let base): "the base model \(base.name) is needed, \(base.digest)"
    case .otherBase(let base, let found):
      "\(found.map { "\($0.path) is \($0.digest)" }.joined(separator: ", ")), expected the base model \(base.name), "
        + base.digest
    case .otherShape(let base, let path):
      "\(path): the base model \(base.name) has other dimensions than the plan states"
    case .unusable(let error): error.description
    }
  }

  public var hint: String? {
    switch self {
    case .noneGiven: "pass your own copy of it: --base PATH"
    case .otherBase: "pass the very files that the plan names to --base; tributary plan base PATH prints a digest"
    case .otherShape: "the plan's section model.base must be as tributary plan base PATH prints it; tell the operator"
    case .unusable(let error): error.hint
    }
  }
}
