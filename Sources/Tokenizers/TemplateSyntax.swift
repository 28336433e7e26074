/// A statement of a chat template, with the line where it stands.
indirect enum TemplateStatement: Sendable {
  case text(String)
  case output(TemplateExpression)
  /// The first condition that holds chooses its branch; a branch without one is the `else`.
  case conditional([(condition: TemplateExpression?, body: [TemplateStatement])])
  /// Several names take apart the elements, which are lists then.
  case loop(names: [String], over: TemplateExpression, body: [TemplateStatement], otherwise: [TemplateStatement])
  case set(name: String, value: TemplateExpression)
}

struct TemplateExpression: Sendable {
  indirect enum Form: Sendable {
    case constant(TemplateValue)
    case variable(String)
    case list([TemplateExpression])
    case mapping([(key: TemplateExpression, value: TemplateExpression)])
    case attribute(TemplateExpression, String)
    case element(TemplateExpression, TemplateExpression)
    case slice(TemplateExpression, from: TemplateExpression?, to: TemplateExpression?, by: TemplateExpression?)
    case function(String, [TemplateExpression])
    case method(TemplateExpression, String, [TemplateExpression])
    case filter(TemplateExpression, String, [TemplateExpression], named: [(name: String, value: TemplateExpression)])
    case test(TemplateExpression, String, [TemplateExpression])
    case not(TemplateExpression)
    case negative(TemplateExpression)
    case and(TemplateExpression, TemplateExpression)
    case or(TemplateExpression, TemplateExpression)
    case binary(String, TemplateExpression, TemplateExpression)
    case choice(TemplateExpression, if: TemplateExpression, else: TemplateExpression?)
  }

  var form: Form
  var line: Int
}

/// A value while a template is evaluated.
indirect enum TemplateValue: Sendable {
  case undefined
  case none
  case boolean(Bool)
  case integer(Int)
  case text(String)
  case list([TemplateValue])
  /// In the order in which the members were given.
  case mapping([(name: String, value: TemplateValue)])

  /// What Python takes for true.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .boolean(let value): value
    case .integer(let value): value != 0
    case .text(let value): !value.isEmpty
    case .list(let elements): !elements.isEmpty
    case .mapping(let members): !members.isEmpty
    }
  }

  /// For error messages.
  var kind: String {
    switch self {
    case .undefined: "something undefined"
    case .none: "none"
    case .boolean: "a boolean"
    case .integer: "a number"
    case .text: "text"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }

  static func == (a: TemplateValue, b: TemplateValue) -> Bool {
    switch (a, b) {
    case (.undefined, .undefined), (.none, .none): true
    case (.boolean(let a), .boolean(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.boolean(let a), .integer(let b)), (.integer(let b), .boolean(let a)): (a ? 1 : 0) == b
    case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
    case (.list(let a), .list(let b)): a.count == b.count && zip(a, b).allSatisfy { $0 == $1 }
    case (.mapping(let a), .mapping(let b)):
      a.count == b.count
        && a.allSatisfy { member in b.contains { $0.name == member.name && $0.value == member.value } }
    default: false
    }
  }
}
