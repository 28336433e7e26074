import Foundation
import SecureAggregation

// Reading single fields of a message that came from outside: each refusal names the message, the field and the fault.

/// The message that is being read, for errors.
struct MessageReader {
  let message: String

  init(_ message: String) {
    self.message = message
  }

  func fault(_ reason: String) -> WireError { .malformed(message: message, reason: reason) }

  func digest(_ data: Data, _ field: String) throws(WireError) -> Digest {
    guard let digest = Digest(bytes: [UInt8](data)) else { throw length(field, 32, data.count) }
    return digest
  }

  func key(_ data: Data, _ field: String) throws(WireError) -> IdentityKey {
    guard let key = IdentityKey(bytes: [UInt8](data)) else { throw length(field, 32, data.count) }
    return key
  }

  func bytes(_ data: Data, count: Int, _ field: String) throws(WireError) -> [UInt8] {
    guard data.count == count else { throw length(field, count, data.count) }
    return [UInt8](data)
  }

  /// A text that is no longer than the protocol allows; what it says is not looked at.
  func text(_ text: String, atMost limit: Int, _ field: String) throws(WireError) -> String {
    guard text.utf8.count <= limit else {
      throw fault("\(field) has \(text.utf8.count) bytes, expected at most \(limit)")
    }
    return text
  }

  func name(_ text: String, _ field: String) throws(WireError) -> String {
    try self.text(text, atMost: Limits.nameBytes, field)
  }

  /// Somebody's own words, as one line.
  func reason(_ text: String, _ field: String) throws(WireError) -> String {
    try self.text(text, atMost: Limits.reasonBytes, field).oneLine
  }

  /// Bytes that are no more than the protocol allows.
  func bytes(_ data: Data, atMost limit: Int, _ field: String) throws(WireError) -> [UInt8] {
    guard data.count <= limit else { throw fault("\(field) has \(data.count) bytes, expected at most \(limit)") }
    return [UInt8](data)
  }

  func uint16(_ value: UInt32, _ field: String) throws(WireError) -> UInt16 {
    guard let value = UInt16(exactly: value) else { throw fault("\(field) is \(value), expected at most 65535") }
    return value
  }

  func count(_ value: UInt64, _ field: String) throws(WireError) -> Int {
    guard let value = Int(exactly: value) else { throw fault("\(field) is \(value), which is too large") }
    return value
  }

  /// A sub-message, which the protocol requires although its encoding makes every one optional.
  func required<T>(_ present: Bool, _ value: T, _ field: String) throws(WireError) -> T {
    guard present else { throw fault("\(field) is missing") }
    return value
  }

  /// A repeated field, not longer than the protocol allows.
  func atMost<T>(_ limit: Int, _ values: [T], _ field: String) throws(WireError) -> [T] {
    guard values.count <= limit else { throw fault("\(field) has \(values.count) entries, expected at most \(limit)") }
    return values
  }

  /// An enum value that this version knows.
  func known<T>(_ value: T?, _ field: String, raw: Int) throws(WireError) -> T {
    guard let value else { throw fault("\(field) is \(raw), which this version does not know") }
    return value
  }

  private func length(_ field: String, _ expected: Int, _ found: Int) -> WireError {
    fault("\(field) has \(found) bytes, expected \(expected)")
  }
}

extension Array {
  /// `map` that keeps a typed error.
  func mapTyped<T>(_ transform: (Element) throws(WireError) -> T) throws(WireError) -> [T] {
    var result: [T] = []
    result.reserveCapacity(count)
    for element in self { result.append(try transform(element)) }
    return result
  }
}
