/// The base model that a plan or a specialist builds on: everyone has a copy of its own, and nobody sends one.
public struct BaseReference: Sendable, Hashable, Codable {
  /// For people; nothing depends on it.
  public var name: String
  /// `sha256:` and 64 hexadecimal digits, over the names and contents of the model's files: another base is an error.
  public var digest: String

  public init(name: String, digest: String) {
    self.name = name
    self.digest = digest
  }

  public func validate() throws(SchemaError) {
    guard !name.isEmpty, name.utf8.count <= 200 else {
      throw .invalid(path: "model.base.name", problem: "expected 1 to 200 bytes, found \(name.utf8.count)", hint: nil)
    }
    let digits = digest.hasPrefix("sha256:") ? digest.dropFirst(7) : ""
    guard digits.utf8.count == 64, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else {
      throw .invalid(
        path: "model.base.digest", problem: "expected sha256: and 64 lower-case hexadecimal digits",
        hint: "tributary plan base PATH prints the section to paste")
    }
  }
}
