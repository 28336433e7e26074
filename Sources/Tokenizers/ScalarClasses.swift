/// What the splitters and normalizers ask about a Unicode scalar, as one table over all of them.
///
/// The classes are those of the libraries inside Hugging Face `tokenizers` 0.23, because ids must equal theirs: its
/// regular expressions know Unicode 16, its BERT rules Unicode 8, and its normalization Unicode 9. A scalar that came
/// later has no class there, so each class has its own age limit, and results do not change with this system's Unicode.
/// The few scalars whose category changed since are listed below. Checked for every scalar by
/// `Benchmarks/reference/tokenizers_check.py`.
struct ScalarClasses: Sendable {
  struct Flags: OptionSet {
    let rawValue: UInt16
    /// `\p{L}`
    static let letter = Flags(rawValue: 1 << 0)
    /// `\p{N}`
    static let number = Flags(rawValue: 1 << 1)
    /// `\s`, the property White_Space, which no longer grows
    static let space = Flags(rawValue: 1 << 2)
    /// `\w`: alphabetic, marks, decimal digits, connectors and join controls
    static let word = Flags(rawValue: 1 << 3)
    /// Rust's `char::is_numeric`, in which the pre-tokenizer `Digits` differs from `\p{N}` by what Unicode 17 added
    static let digit = Flags(rawValue: 1 << 4)
    /// BERT: stands alone as a word
    static let punctuation = Flags(rawValue: 1 << 5)
    /// BERT: removed when text is cleaned
    static let control = Flags(rawValue: 1 << 6)
    /// BERT: removed when accents are stripped
    static let nonspacingMark = Flags(rawValue: 1 << 7)
    /// BERT: gets spaces around it
    static let han = Flags(rawValue: 1 << 8)
    /// Has a canonical decomposition or a combining class
    static let normalizes = Flags(rawValue: 1 << 9)
    /// Has another lower case
    static let lowercases = Flags(rawValue: 1 << 10)
  }

  static let shared = ScalarClasses()

  /// For each 256 scalars the block of `flags` that holds theirs; equal blocks are stored once.
  private var blocks: [UInt16] = []
  private var flags: [UInt16] = []

  subscript(scalar: UInt32) -> Flags {
    @inline(__always) get {
      Flags(rawValue: flags[Int(blocks[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)])
    }
  }

  private init() {
    var known: [[UInt16]: UInt16] = [:]
    for block in UInt32(0)..<0x1100 {
      let content = Self.block(block)
      if let place = known[content] {
        blocks.append(place)
      } else {
        known[content] = UInt16(known.count)
        blocks.append(UInt16(known.count - 1))
        flags += content
      }
    }
  }

  private static func block(_ block: UInt32) -> [UInt16] {
    switch block >> 8 {
    case 4...13: return [UInt16](repeating: 0, count: 256)  // planes without characters
    case 15, 16:  // private use, but for the last two of each plane
      return (0..<256).map { block & 0xFF == 0xFF && $0 >= 0xFE ? 0 : Flags.control.rawValue }
    default: return (0..<256).map { flags(of: block << 8 | $0).rawValue }
    }
  }

  private static func flags(of value: UInt32) -> Flags {
    var flags: Flags = isHan(value) ? .han : []  // unassigned scalars of those ranges as well
    guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age else { return flags }
    let properties = scalar.properties
    let category = properties.generalCategory
    if properties.isWhitespace { flags.insert(.space) }
    switch category {
    case .decimalNumber, .letterNumber, .otherNumber: flags.insert(.digit)
    default: break
    }
    if age.major <= 16 {
      switch category {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        flags.formUnion([.letter, .word])
      case .decimalNumber: flags.formUnion([.number, .word])
      case .letterNumber, .otherNumber: flags.insert(.number)
      case .nonspacingMark, .spacingMark, .enclosingMark, .connectorPunctuation: flags.insert(.word)
      default: break
      }
      if properties.isAlphabetic || properties.isJoinControl { flags.insert(.word) }
    }
    if age.major <= 8 {
      switch value {
      case 0x166D, 0x111C9: flags.insert(.punctuation)  // now a symbol and a mark
      case 0x1734, 0x1171E: flags.insert(.nonspacingMark)  // now spacing marks
      case 0x1885, 0x1886, 0xA9BD: break  // now non-spacing marks
      default: flags.formUnion(bert(category, value))
      }
    }
    if CanonicalForms.isAffected(scalar) { flags.insert(.normalizes) }
    if properties.changesWhenLowercased || category == .titlecaseLetter || category == .uppercaseLetter,
      properties.lowercaseMapping != String(scalar)
    {
      flags.insert(.lowercases)
    }
    return flags
  }

  private static func bert(_ category: Unicode.GeneralCategory, _ value: UInt32) -> Flags {
    switch category {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      .punctuation
    case .mathSymbol, .currencySymbol, .modifierSymbol: value < 0x80 ? .punctuation : []  // ASCII symbols count as well
    case .control: value == 0x09 || value == 0x0A || value == 0x0D ? [] : .control
    case .format, .privateUse: .control
    case .nonspacingMark: .nonspacingMark
    default: value == 0xFFFD ? .control : []
    }
  }

  /// What BERT calls a Chinese character: the ideographs, without kana and hangul, whose words have spaces or particles.
  private static func isHan(_ value: UInt32) -> Bool {
    switch value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF,
      0xF900...0xFAFF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}
