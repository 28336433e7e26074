/// Where each named tensor lies in one flat vector of parameters; the order is part of the layout.
public struct ParameterLayout: Sendable, Hashable, Codable {
  public struct Entry: Sendable, Hashable, Codable {
    public let name: String
    public let shape: [Int]
    /// In elements, from the beginning of the flat vector.
    public let offset: Int
    public let count: Int
  }

  public let entries: [Entry]
  /// The number of elements of all tensors together.
  public let count: Int

  /// Lays the tensors out one after the other. Shapes hold no negative extent and their total count fits an `Int`.
  public init(_ named: [(name: String, shape: [Int])]) {
    var entries: [Entry] = []
    var offset = 0
    for (name, shape) in named {
      precondition(shape.allSatisfy { $0 >= 0 }, "a tensor has no negative extent")
      let count = shape.reduce(1, *)
      entries.append(Entry(name: name, shape: shape, offset: offset, count: count))
      offset += count
    }
    self.entries = entries
    self.count = offset
  }

  /// The elements of that tensor in the flat vector.
  public func range(of name: String) -> Range<Int>? {
    entries.first { $0.name == name }.map { $0.offset..<$0.offset + $0.count }
  }
}

/// A model's parameters as one flat vector with the layout that names its parts.
public struct Parameters: Sendable, Equatable {
  public let layout: ParameterLayout
  /// As many as `layout.count`.
  public var values: [Float]

  public init(layout: ParameterLayout, values: [Float]) {
    precondition(values.count == layout.count, "parameters have as many values as their layout")
    self.layout = layout
    self.values = values
  }

  /// All zero.
  public init(layout: ParameterLayout) {
    self.init(layout: layout, values: [Float](repeating: 0, count: layout.count))
  }
}
