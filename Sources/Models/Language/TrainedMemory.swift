import Kernels
import Tensors

/// A tensor that a network computes with: its values, and where its gradient goes if it is trained.
struct Learned {
  let values: Region
  /// `nil` for a frozen tensor.
  let gradient: Region?

  init(values: Region, gradient: Region? = nil) {
    self.values = values
    self.gradient = gradient
  }
}

/// The trained vector as a network keeps it, which differs from the vector of the plan in three ways: tensors that are
/// multiplied together lie side by side, B is transposed for the fast forms of its products, and of full fine-tuning it
/// holds weights, where the vector holds differences.
///
/// An optimiser works element by element and does not mind the order.
final class TrainedMemory {
  /// Where a tensor of the layout lies here.
  fileprivate struct Place {
    let entry: ParameterLayout.Entry
    let offset: Int
    /// Stored as its transpose.
    let isTransposed: Bool
  }

  /// The tensors in the order of this memory, decided before any of it is taken.
  struct Plan {
    fileprivate let layout: ParameterLayout
    private let entries: [String: ParameterLayout.Entry]
    fileprivate var places: [Place] = []
    fileprivate(set) var floatCount = 0

    init(_ layout: ParameterLayout) {
      self.layout = layout
      entries = Dictionary(uniqueKeysWithValues: layout.entries.map { ($0.name, $0) })
    }

    /// Puts these tensors of the layout side by side, and returns where the first begins.
    mutating func add(_ names: [String], transposed: Bool = false) -> Range<Int> {
      floatCount = (floatCount + 15) / 16 * 16
      let start = floatCount
      for name in names {
        guard let entry = entries[name] else { preconditionFailure("the layout has no tensor \(name)") }
        places.append(Place(entry: entry, offset: floatCount, isTransposed: transposed))
        floatCount += entry.count
      }
      return start..<floatCount
    }

    /// Values, gradients and the two moments of AdamW.
    var byteCount: Int { 4 * MemoryLayout<Float>.stride * floatCount }
  }

  let layout: ParameterLayout
  private let places: [Place]
  let values: Region
  let gradient: Region
  /// Consecutive parts of the memory with whether weight decay pulls on them: on matrices, and not on biases and norms,
  /// which have no scale to be kept small.
  let parts: [(range: Range<Int>, decays: Bool)]
  private let memory: Workspace

  init(_ plan: Plan) {
    precondition(plan.places.count == plan.layout.entries.count, "every tensor of the layout has its place")
    layout = plan.layout
    places = plan.places
    var memory = Workspace()
    let whole = memory.reserve(2 * plan.floatCount)
    values = whole.part(0..<plan.floatCount)
    gradient = whole.part(plan.floatCount..<2 * plan.floatCount)
    self.memory = memory
    var parts: [(range: Range<Int>, decays: Bool)] = []
    for place in plan.places {
      let range = place.offset..<place.offset + place.entry.count
      let decays = place.entry.shape.count > 1
      if let last = parts.last, last.decays == decays {
        parts[parts.count - 1].range = last.range.lowerBound..<range.upperBound
      } else {
        parts.append((range, decays))
      }
    }
    self.parts = parts
  }

  func learned(_ range: Range<Int>) -> Learned {
    Learned(values: values.part(range), gradient: gradient.part(range))
  }

  /// The tensor of the base model that the vector's tensor is a difference from, or `nil` for one that stands alone.
  typealias Base = (ParameterLayout.Entry) throws(ModelError) -> [Float]?

  func load(_ parameters: Parameters, base: Base) throws(ModelError) {
    precondition(parameters.layout == layout)
    for place in places {
      let target = values.part(place.offset..<place.offset + place.entry.count)
      parameters.values.withUnsafeBufferPointer {
        place.copy(UnsafeBufferPointer(rebasing: $0[place.range]), to: target, back: false)
      }
      if let origin = try base(place.entry) { place.add(origin, to: target, scale: 1) }
    }
  }

  /// The vector as it is now. Reads the base model again, which takes less than keeping a second copy all the time.
  func parameters(base: Base) throws(ModelError) -> Parameters { try vector(values, minus: base) }

  /// The gradient in the order of the vector.
  func gradients() -> Parameters {
    do { return try vector(gradient, minus: { _ throws(ModelError) in nil }) } catch {
      preconditionFailure("no base model is read: \(error)")
    }
  }

  private func vector(_ source: Region, minus base: Base) throws(ModelError) -> Parameters {
    var parameters = Parameters(layout: layout)
    for place in places {
      let origin = try base(place.entry)
      parameters.values.withUnsafeMutableBufferPointer {
        let target = $0.part(place.range)
        place.copy(UnsafeBufferPointer(source.part(place.offset..<place.offset + target.count)), to: target, back: true)
        if let origin { place.add(origin, to: target, scale: -1) }
      }
    }
    return parameters
  }
}

extension TrainedMemory.Place {
  /// Of the vector.
  var range: Range<Int> { entry.offset..<entry.offset + entry.count }

  /// Copies the tensor between the vector and this memory, transposing it on the way if it is kept so.
  func copy(_ source: UnsafeBufferPointer<Float>, to target: Region, back: Bool) {
    guard isTransposed else {
      _ = target.update(fromContentsOf: source)
      return
    }
    let (rows, columns) = back ? (entry.shape[1], entry.shape[0]) : (entry.shape[0], entry.shape[1])
    for i in 0..<rows {
      for j in 0..<columns { target[j * rows + i] = source[i * columns + j] }
    }
  }

  /// Adds a tensor of the base model, which is never transposed: only adapters are, and they stand alone.
  func add(_ origin: [Float], to target: Region, scale: Float) {
    precondition(!isTransposed && origin.count == target.count)
    var sum = target.mutableSpan
    AddScaled.add(&sum, origin.span, scale: scale)
  }
}
