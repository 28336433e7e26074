import Documents
import Foundation
import Testing

private struct Message: Codable, Equatable {
  struct Inner: Codable, Equatable {
    var fold: Int?
    var rate: Double
  }

  var name: String
  var count: UInt64
  var inner: Inner
  var data: Data
}

struct CanonicalJSONTests {
  private let message = Message(
    name: "a/\"é\n", count: .max, inner: .init(fold: 2, rate: 0.5), data: Data([1, 2, 3]))

  @Test("Keys are sorted, nothing is escaped without need, and large integers keep their digits")
  func encodes() throws {
    let text = String(decoding: try CanonicalJSON.encode(message), as: UTF8.self)
    #expect(
      text == #"{"count":18446744073709551615,"data":"AQID","inner":{"fold":2,"rate":0.5},"name":"a/\"é\n"}"#)
  }

  @Test("Members at removed paths leave no trace; a path that leads nowhere removes nothing")
  func removesPaths() throws {
    var other = message
    other.inner.fold = 3
    let paths = ["inner.fold", "inner.fold.x", "nowhere.at.all"]
    #expect(try CanonicalJSON.encode(message, without: paths) == CanonicalJSON.encode(other, without: paths))
    #expect(try CanonicalJSON.encode(message) != CanonicalJSON.encode(other))
  }

  @Test("What encodes decodes to the same value")
  func roundTrip() throws {
    #expect(try CanonicalJSON.decode(Message.self, from: CanonicalJSON.encode(message)) == message)
  }

  @Test(
    "Unknown and duplicate keys, other types and malformed text are refused",
    arguments: [
      #"{"count":1,"data":"","inner":{"rate":1},"name":"a","extra":1}"#,
      #"{"count":1,"data":"","inner":{"rate":1,"fold":1,"fold":2},"name":"a"}"#,
      #"{"count":"1","data":"","inner":{"rate":1},"name":"a"}"#,
      #"{"count":-1,"data":"","inner":{"rate":1},"name":"a"}"#,
      #"{"count":1,"data":"","inner":{"rate":1},"name":5}"#,
      #"{"count":1,"data":"?","inner":{"rate":1},"name":"a"}"#,
      #"{"count":1}"#, #"{"count":1"#, "", "[]", "null",
    ])
  func refuses(text: String) {
    #expect(throws: DocumentError.self) { try CanonicalJSON.decode(Message.self, from: Array(text.utf8)) }
  }

  @Test("A number that is not finite cannot be written")
  func notFinite() {
    #expect(throws: DocumentError.self) { try CanonicalJSON.encode(["x": Double.nan]) }
  }
}
