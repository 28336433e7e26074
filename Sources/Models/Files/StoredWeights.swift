import Schemas
import Tensors

/// Where the weights of a model lie, and how they are read.
enum StoredWeights: Sendable {
  /// Each weight is the tensor of that name in one of the files.
  case safetensors([SafetensorsFile], [WeightName: (file: Int, tensor: String)])
  /// - Parameter interleaved: The heads and their width where the rows of queries and keys are interleaved.
  case gguf(GGUFFile, [WeightName: GGUFFile.Entry], interleaved: InterleavedHeads?)

  /// The weight must be one of the model's.
  func floats(_ name: WeightName) throws(ModelError) -> [Float] {
    switch self {
    case .safetensors(let files, let places):
      guard let place = places[name] else { preconditionFailure("a weight of the model") }
      let file = files[place.file]
      do { return try file.floats(place.tensor) } catch { throw .reading(file.file.path, error) }
    case .gguf(let file, let entries, let interleaved):
      guard let entry = entries[name] else { preconditionFailure("a weight of the model") }
      let floats: [Float]
      do { floats = try file.floats(entry) } catch { throw .reading(file.file.path, error) }
      guard let interleaved, name.isRotated else { return floats }
      return interleaved.halves(floats, rowCount: entry.shape[0])
    }
  }

  /// The weight must be one of the model's.
  func blocks(_ name: WeightName) throws(ModelError) -> (blocks: [UInt8], type: TensorType)? {
    guard case .gguf(let file, let entries, let interleaved) = self else { return nil }
    guard let entry = entries[name] else { preconditionFailure("a weight of the model") }
    guard entry.type.isQuantised else { return nil }
    let blocks: [UInt8]
    do { blocks = try file.bytes(entry) } catch { throw .reading(file.file.path, error) }
    guard let interleaved, name.isRotated else { return (blocks, entry.type) }
    return (interleaved.halves(blocks, rowCount: entry.shape[0]), entry.type)
  }
}

/// The order of rows that llama.cpp's converter gives the queries and keys of Llama models.
///
/// There the rotary pairs of a head are its rows 2i and 2i + 1; in Hugging Face's order, which is used here, they are the
/// rows i and i + headWidth / 2.
///
/// Source: `permute` of convert_hf_to_gguf.py.
struct InterleavedHeads: Sendable {
  let headWidth: Int

  /// Rows in Hugging Face's order, from interleaved ones.
  ///
  /// - Parameter elements: `rowCount` rows, whole heads; of floats, or of bytes.
  func halves<Element>(_ elements: [Element], rowCount: Int) -> [Element] {
    rows(of: elements, rowCount: rowCount) { 2 * ($0 % (headWidth / 2)) + $0 / (headWidth / 2) }
  }

  /// The way back.
  func interleaved<Element>(_ elements: [Element], rowCount: Int) -> [Element] {
    rows(of: elements, rowCount: rowCount) { $0 / 2 + $0 % 2 * (headWidth / 2) }
  }

  /// - Parameter source: Where row i of a head comes from.
  private func rows<Element>(of elements: [Element], rowCount: Int, _ source: (Int) -> Int) -> [Element] {
    let rowLength = elements.count / rowCount
    var ordered: [Element] = []
    ordered.reserveCapacity(elements.count)
    for row in 0..<rowCount {
      let start = (row - row % headWidth + source(row % headWidth)) * rowLength
      ordered += elements[start..<start + rowLength]
    }
    return ordered
  }
}

extension WeightName {
  /// Whether rotary positions act on the rows.
  var isRotated: Bool {
    guard case .layer(_, let part) = self else { return false }
    return [.query, .queryBias, .key, .keyBias].contains(part)
  }
}
