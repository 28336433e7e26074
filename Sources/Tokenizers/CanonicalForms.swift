/// Canonical decomposition (NFD) and composition (NFC), as of Unicode 9.
///
/// Source: Unicode Standard Annex #15, and chapter 3.12 of the Unicode Standard for Hangul.
struct CanonicalForms: Sendable {
  static let shared = CanonicalForms()

  /// One step each; the second scalar is 0 where there is only one.
  private var decompositions: [UInt32: (first: UInt32, second: UInt32)] = [:]
  /// By `first << 32 | second`.
  private var compositions: [UInt64: UInt32] = [:]

  private init() {
    var numbers: [UInt32] = [0]
    var composes = true
    // Every entry ends with a space or a line's end; runs of them leave nothing but a 0 behind.
    func finish(_ numbers: [UInt32]) {
      guard numbers.count > 1 else { return }
      let second = numbers.count > 2 ? numbers[2] : 0
      decompositions[numbers[0]] = (numbers[1], second)
      if composes, second != 0 { compositions[UInt64(numbers[1]) << 32 | UInt64(second)] = numbers[0] }
    }
    canonicalDecompositions.withUTF8Buffer { text in
      for byte in text {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          numbers[numbers.count - 1] = numbers[numbers.count - 1] << 4 | UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "A")...UInt8(ascii: "F"):
          numbers[numbers.count - 1] = numbers[numbers.count - 1] << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
        case UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "+"):
          if byte != UInt8(ascii: "+") { composes = byte == UInt8(ascii: "=") }
          numbers.append(0)
        default:
          finish(numbers)
          numbers = [0]
        }
      }
    }
    finish(numbers)
  }

  private static let hangul = (
    syllables: UInt32(0xAC00), leads: UInt32(0x1100), vowels: UInt32(0x1161), tails: UInt32(0x11A7)
  )
  private static let hangulCounts = (leads: UInt32(19), vowels: UInt32(21), tails: UInt32(28))
  private static let syllableCount: UInt32 = 19 * 21 * 28

  static func isAffected(_ scalar: Unicode.Scalar) -> Bool {
    combiningClass(scalar.value) != 0 || shared.decompositions[scalar.value] != nil
      || scalar.value >= hangul.syllables && scalar.value < hangul.syllables + syllableCount
  }

  private static func combiningClass(_ value: UInt32) -> UInt8 {
    guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age.major <= 9 else { return 0 }
    return UInt8(truncatingIfNeeded: scalar.properties.canonicalCombiningClass.rawValue)
  }

  /// Scalars whose order is not settled yet: marks wait for the next scalar that is none.
  struct Pending {
    fileprivate var scalars: [(value: UInt32, order: UInt8)] = []
    var isEmpty: Bool { scalars.isEmpty }
  }

  /// Appends the full decomposition of a scalar.
  func decompose(_ value: UInt32, into pending: inout Pending) {
    let index = value &- Self.hangul.syllables
    if index < Self.syllableCount {
      let (vowels, tails) = (Self.hangulCounts.vowels, Self.hangulCounts.tails)
      pending.scalars.append((Self.hangul.leads + index / (vowels * tails), 0))
      pending.scalars.append((Self.hangul.vowels + index % (vowels * tails) / tails, 0))
      if index % tails != 0 { pending.scalars.append((Self.hangul.tails + index % tails, 0)) }
    } else if let (first, second) = decompositions[value] {
      decompose(first, into: &pending)
      if second != 0 { decompose(second, into: &pending) }
    } else {
      pending.scalars.append((value, Self.combiningClass(value)))
    }
  }

  /// Hands over what was decomposed, with each run of marks in the order of their classes, and empties `pending`.
  func flush(_ pending: inout Pending, _ body: (UInt32) -> Void) {
    order(&pending.scalars)
    for (value, _) in pending.scalars { body(value) }
    pending.scalars.removeAll(keepingCapacity: true)
  }

  private func order(_ scalars: inout [(value: UInt32, order: UInt8)]) {
    var start = 0
    while start < scalars.count {
      guard scalars[start].order != 0 else {
        start += 1
        continue
      }
      var end = start
      while end < scalars.count, scalars[end].order != 0 { end += 1 }
      // Sorting by class and place keeps the order of equal classes.
      let sorted = scalars[start..<end].enumerated().sorted {
        ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
      }
      scalars.replaceSubrange(start..<end, with: sorted.map(\.element))
      start = end
    }
  }

  /// The composed form (NFC) of UTF-8 text.
  func composed(_ text: Span<UInt8>) -> [UInt8] {
    var scalars = Pending()
    var position = 0
    while position < text.count {
      let (value, length) = text.scalar(at: position)
      decompose(value, into: &scalars)
      position += length
    }
    order(&scalars.scalars)
    var result: [UInt32] = []
    var starter: Int?
    var lastOrder: UInt8 = 0
    for (value, order) in scalars.scalars {
      // A mark is blocked from the last starter by another of the same or a higher class between them, and a starter
      // by anything between them.
      if let place = starter, place == result.count - 1 || lastOrder != 0 && lastOrder < order,
        let composed = composition(result[place], value)
      {
        result[place] = composed
        continue
      }
      if order == 0 { starter = result.count }
      lastOrder = order
      result.append(value)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    for value in result { bytes.append(scalar: value) }
    return bytes
  }

  private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
    let (leads, vowels, tails) = Self.hangulCounts
    let lead = first &- Self.hangul.leads
    let vowel = second &- Self.hangul.vowels
    if lead < leads, vowel < vowels { return Self.hangul.syllables + (lead * vowels + vowel) * tails }
    let syllable = first &- Self.hangul.syllables
    let tail = second &- Self.hangul.tails
    if syllable < Self.syllableCount, syllable % tails == 0, tail > 0, tail < tails { return first + tail }
    return compositions[UInt64(first) << 32 | UInt64(second)]
  }
}
