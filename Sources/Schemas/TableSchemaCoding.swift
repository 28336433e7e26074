extension TableSchema: Codable {
  private enum CodingKeys: String, CodingKey {
    case columns, label, fold, ignore
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    columns = try container.decode([Column].self, forKey: .columns)
    label = try container.decode(Label.self, forKey: .label)
    fold = try container.decodeIfPresent(String.self, forKey: .fold)
    ignore = try container.decodeIfPresent([String].self, forKey: .ignore) ?? []
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(columns, forKey: .columns)
    try container.encode(label, forKey: .label)
    try container.encodeIfPresent(fold, forKey: .fold)
    try container.encode(ignore, forKey: .ignore)
  }
}

extension TableSchema.Column: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, type, range, values, missing
  }

  private enum ColumnType: String, Codable, CaseIterable {
    case number, category
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    switch try container.decode(ColumnType.self, forKey: .type) {
    case .number:
      let bounds = try container.decode([Double].self, forKey: .range)
      guard bounds.count == 2, bounds[0] < bounds[1] else {
        throw DecodingError.dataCorruptedError(
          forKey: .range, in: container, debugDescription: "expected [lower, upper] with lower < upper")
      }
      let missing = try container.decodeIfPresent([Double].self, forKey: .missing) ?? []
      kind = .number(range: bounds[0]...bounds[1], missing: missing)
    case .category:
      let values = try container.decode([String].self, forKey: .values)
      kind = .category(values: values, missing: try container.decodeIfPresent([String].self, forKey: .missing) ?? [])
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    switch kind {
    case .number(let range, let missing):
      try container.encode(ColumnType.number, forKey: .type)
      try container.encode([range.lowerBound, range.upperBound], forKey: .range)
      try container.encode(missing, forKey: .missing)
    case .category(let values, let missing):
      try container.encode(ColumnType.category, forKey: .type)
      try container.encode(values, forKey: .values)
      try container.encode(missing, forKey: .missing)
    }
  }
}
