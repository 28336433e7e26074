/// The normalization of BERT: removes control characters, sets ideographs apart, strips accents, lower-cases.
///
/// Follows `BertNormalizer` of Hugging Face `tokenizers`; the order of the four steps matters.
struct BertNormalizer: Sendable {
  var cleansText = true
  var separatesHan = true
  var stripsAccents = true
  var lowercases = true

  /// Appends the normal form of valid UTF-8.
  func normalize(_ text: Span<UInt8>, into output: inout [UInt8]) {
    let classes = ScalarClasses.shared
    let forms = CanonicalForms.shared
    var pending = CanonicalForms.Pending()
    output.reserveCapacity(output.count + text.count)
    var place = 0
    while place < text.count {
      let byte = text[place]
      if byte < 0x80 {
        place += 1
        if cleansText, Self.isControl(byte) { continue }
        if !pending.isEmpty { forms.flush(&pending) { append($0, to: &output, classes) } }
        append(ascii: byte, to: &output)
        continue
      }
      let (value, length) = text.scalar(at: place)
      place += length
      let flags = classes[value]
      if cleansText, flags.contains(.control) { continue }
      if cleansText, flags.contains(.space) {
        if !pending.isEmpty { forms.flush(&pending) { append($0, to: &output, classes) } }
        output.append(UInt8(ascii: " "))
        continue
      }
      let apart = separatesHan && flags.contains(.han)
      if stripsAccents, flags.contains(.normalizes), !apart {
        forms.decompose(value, into: &pending)  // the next scalar may be a mark that belongs before one of these
        continue
      }
      if !pending.isEmpty { forms.flush(&pending) { append($0, to: &output, classes) } }
      if apart { output.append(UInt8(ascii: " ")) }
      if apart, stripsAccents, flags.contains(.normalizes) {
        forms.decompose(value, into: &pending)
        forms.flush(&pending) { append($0, to: &output, classes) }
      } else {
        append(value, to: &output, classes)
      }
      if apart { output.append(UInt8(ascii: " ")) }
    }
    if !pending.isEmpty { forms.flush(&pending) { append($0, to: &output, classes) } }
  }

  /// Tabs and line ends count as white space.
  @inline(__always)
  private static func isControl(_ byte: UInt8) -> Bool {
    byte < 0x20 && byte != 0x09 && byte != 0x0A && byte != 0x0D || byte == 0x7F
  }

  @inline(__always)
  private func append(ascii byte: UInt8, to output: inout [UInt8]) {
    if cleansText, byte < 0x20 {
      output.append(UInt8(ascii: " "))
    } else if lowercases, byte &- UInt8(ascii: "A") < 26 {
      output.append(byte | 0x20)
    } else {
      output.append(byte)
    }
  }

  private func append(_ value: UInt32, to output: inout [UInt8], _ classes: ScalarClasses) {
    let flags = classes[value]
    if stripsAccents, flags.contains(.nonspacingMark) { return }
    if lowercases, flags.contains(.lowercases), let scalar = Unicode.Scalar(value) {
      output += scalar.properties.lowercaseMapping.utf8
    } else {
      output.append(scalar: value)
    }
  }
}
