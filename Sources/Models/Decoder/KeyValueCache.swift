import Kernels
import Schemas

/// The keys and values of all tokens so far, in every layer.
///
/// A head's keys lie transposed, `[headWidth, capacity]`, and its values as they come, `[capacity, headWidth]`: both
/// products of a new token's attention then read them in place. What no token has reached yet is zero.
final class KeyValueCache {
  let capacity: Int
  private(set) var count = 0
  private let shape: DecoderShape
  private let keys: Region
  private let values: Region
  private let memory: Workspace

  init(_ shape: DecoderShape, tokens: Int) {
    self.shape = shape
    capacity = (tokens + 15) / 16 * 16
    let size = shape.layers * shape.keyValueWidth * capacity
    var memory = Workspace(count: 2 * size)
    let whole = memory.reserve(2 * size)
    keys = whole.part(0..<size)
    values = whole.part(size..<2 * size)
    self.memory = memory
  }

  private var headSize: Int { shape.headWidth * capacity }
  private func start(_ layer: Int, _ head: Int) -> Int { (layer * shape.keyValueHeads + head) * headSize }

  func keys(_ layer: Int, _ head: Int) -> Region { keys.part(start(layer, head)..<start(layer, head) + headSize) }
  func values(_ layer: Int, _ head: Int) -> Region { values.part(start(layer, head)..<start(layer, head) + headSize) }

  /// Puts a token's key and value, of all heads, at that position.
  func put(_ layer: Int, at position: Int, key: Region, value: Region) {
    precondition(position < capacity)
    for head in 0..<shape.keyValueHeads {
      let (keys, values) = (keys(layer, head), values(layer, head))
      for i in 0..<shape.headWidth {
        keys[i * capacity + position] = key[head * shape.headWidth + i]
        values[position * shape.headWidth + i] = value[head * shape.headWidth + i]
      }
    }
  }

  /// After all layers have put the keys and values of that many more tokens.
  func advance(_ tokens: Int) { count += tokens }

  func removeAll() { count = 0 }
}
