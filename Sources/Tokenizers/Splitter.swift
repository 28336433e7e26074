/// Cuts text into the pieces that byte-pair encoding may merge within: what the regular expressions of the well-known
/// tokenizers match, scanned by hand.
enum Splitter: Sendable, Hashable {
  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  case gpt2
  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  /// with n = 3 for Llama 3, and 1 for Qwen 2
  case llama3(digits: Int)
  /// Each digit alone, or each run of digits.
  case digits(individually: Bool)

  /// Where the piece ends that begins at `start`; text after `end` is not there for it.
  func pieceEnd(_ text: Span<UInt8>, _ start: Int, _ end: Int, _ classes: borrowing ScalarClasses) -> Int {
    switch self {
    case .gpt2: Self.gpt2(text, start, end, classes)
    case .llama3(let digits): Self.llama3(text, start, end, digits, classes)
    case .digits(let individually): Self.digits(text, start, end, individually, classes)
    }
  }

  private static func digits(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ individually: Bool, _ classes: borrowing ScalarClasses
  ) -> Int {
    let (value, length) = text.scalar(at: start)
    var place = start + length
    let isDigit = classes[value].contains(.digit)
    if isDigit, individually { return place }
    while place < end {
      let (value, length) = text.scalar(at: place)
      if classes[value].contains(.digit) != isDigit { break }
      place += length
    }
    return place
  }

  private static func gpt2(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ classes: borrowing ScalarClasses
  ) -> Int {
    if text[start] == UInt8(ascii: "'"), let place = contraction(text, start, end) { return place }
    var (value, length) = text.scalar(at: start)
    var flags = classes[value]
    var place = start + length
    if value == 0x20, place < end {
      (value, length) = text.scalar(at: place)
      let next = classes[value]
      if !next.contains(.space) {
        flags = next
        place += length
      }
    }
    if flags.contains(.letter) { return run(text, place, end, classes, [.letter], in: .letter) }
    if flags.contains(.number) { return run(text, place, end, classes, [.number], in: .number) }
    if !flags.contains(.space) { return run(text, place, end, classes, [.letter, .number, .space], in: []) }
    return spaces(text, start, end, classes)
  }

  private static func llama3(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ digits: Int, _ classes: borrowing ScalarClasses
  ) -> Int {
    if text[start] == UInt8(ascii: "'"), let place = contractionOfAnyCase(text, start, end) { return place }
    let (value, length) = text.scalar(at: start)
    let flags = classes[value]
    var place = start + length
    if flags.contains(.letter) { return run(text, place, end, classes, [.letter], in: .letter) }
    if flags.contains(.number) {
      var count = 1
      while count < digits, place < end {
        let (value, length) = text.scalar(at: place)
        guard classes[value].contains(.number) else { break }
        place += length
        count += 1
      }
      return place
    }
    var isOther = !flags.contains(.space)
    if place < end, value != 0x0D, value != 0x0A {
      let (next, length) = text.scalar(at: place)
      let nextFlags = classes[next]
      if nextFlags.contains(.letter) { return run(text, place + length, end, classes, [.letter], in: .letter) }
      if value == 0x20, nextFlags.isDisjoint(with: [.letter, .number, .space]) {
        isOther = true
        place += length
      }
    }
    if isOther {
      place = run(text, place, end, classes, [.letter, .number, .space], in: [])
      while place < end, text[place] == 0x0D || text[place] == 0x0A { place += 1 }
      return place
    }
    // `\s*[\r\n]+` wins if the run of white space has a line's end: up to the last one.
    var afterLine = start
    place = start
    while place < end {
      let (value, length) = text.scalar(at: place)
      guard classes[value].contains(.space) else { break }
      place += length
      if value == 0x0D || value == 0x0A { afterLine = place }
    }
    return afterLine > start ? afterLine : spaces(text, start, end, classes)
  }

  /// The end of the scalars whose flags, of those in `mask`, are exactly `wanted`.
  @inline(__always)
  private static func run(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ classes: borrowing ScalarClasses, _ mask: ScalarClasses.Flags,
    in wanted: ScalarClasses.Flags
  ) -> Int {
    var place = start
    while place < end {
      let (value, length) = text.scalar(at: place)
      guard classes[value].intersection(mask) == wanted else { break }
      place += length
    }
    return place
  }

  /// `\s+(?!\S)|\s+`: white space up to the end, or without its last scalar, which belongs to what follows.
  private static func spaces(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ classes: borrowing ScalarClasses
  ) -> Int {
    let place = run(text, start, end, classes, [.space], in: .space)
    guard place < end else { return place }
    let last = place - text.scalar(before: place).length
    return last > start ? last : place
  }

  private static func contraction(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    guard start + 1 < end else { return nil }
    switch text[start + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    default: break
    }
    guard start + 2 < end else { return nil }
    switch (text[start + 1], text[start + 2]) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }

  private static func contractionOfAnyCase(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> Int? {
    guard start + 1 < end else { return nil }
    switch text[start + 1] | 0x20 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    // U+017F, the long s, is an s of another case.
    case 0xE5 where start + 2 < end && text[start + 1] == 0xC5 && text[start + 2] == 0xBF: return start + 3
    default: break
    }
    guard start + 2 < end else { return nil }
    switch (text[start + 1] | 0x20, text[start + 2] | 0x20) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }
}
