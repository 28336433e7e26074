import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files that a command line names.
enum TextFile {
  static func read(_ path: String, what: String) throws(CommandError) -> String {
    let bytes = try bytes(path, what: what)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .cannotRead(what: what, path: path, reason: "it is not UTF-8 text")
    }
    return text
  }

  static func bytes(_ path: String, what: String) throws(CommandError) -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw .cannotRead(what: what, path: path, reason: reason(error))
    }
  }

  /// Writes whole or not at all.
  static func write(_ bytes: [UInt8], to path: String) throws(CommandError) {
    do {
      try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw .cannotWrite(path: path, reason: reason(error))
    }
  }

  /// The system's own words, which name no path twice.
  private static func reason(_ error: any Error) -> String {
    var error = error as NSError
    while let below = error.userInfo[NSUnderlyingErrorKey] as? NSError { error = below }
    if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(error.code))).lowercased() }
    return CocoaError.Code(rawValue: error.code) == .fileReadNoSuchFile ? "no such file" : "it is no readable file"
  }
}
