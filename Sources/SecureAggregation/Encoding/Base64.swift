import Foundation

/// Bytes inside a `Codable` value, stored as one base64 string instead of a list of numbers.
@propertyWrapper
public struct Base64: Hashable, Codable, Sendable {
  public var wrappedValue: [UInt8]

  public init(wrappedValue: [UInt8]) {
    self.wrappedValue = wrappedValue
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let data = Data(base64Encoded: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not base64")
    }
    wrappedValue = [UInt8](data)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Data(wrappedValue).base64EncodedString())
  }
}
