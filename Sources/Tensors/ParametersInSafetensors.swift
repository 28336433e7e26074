extension Safetensors {
  /// The parameters as F32 tensors, in the order of their layout.
  public init(_ parameters: Parameters, metadata: [String: String]) {
    let tensors = parameters.layout.entries.map { entry in
      let words = parameters.values[entry.offset..<entry.offset + entry.count].map(\.bitPattern.littleEndian)
      return Tensor(name: entry.name, type: .f32, shape: entry.shape, bytes: words.withUnsafeBytes { [UInt8]($0) })
    }
    self.init(tensors: tensors, metadata: metadata)
  }

  /// The tensors as one flat vector, laid out in the order of the file.
  ///
  /// - Throws: `.notFloat32` for any other type; `.notFinite` for NaN or an infinity, which would spread to every
  ///   participant's model.
  public func parameters() throws(TensorError) -> Parameters {
    var values: [Float] = []
    for tensor in tensors {
      guard tensor.type == .f32 else { throw .notFloat32(tensor: tensor.name) }
      values.reserveCapacity(values.count + tensor.bytes.count / 4)
      let first = values.count
      tensor.bytes.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: bytes.count, by: 4) {
          let word = bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)
          values.append(Float(bitPattern: UInt32(littleEndian: word)))
        }
      }
      guard values[first...].allSatisfy(\.isFinite) else { throw .notFinite(tensor: tensor.name) }
    }
    return Parameters(layout: ParameterLayout(tensors.map { ($0.name, $0.shape) }), values: values)
  }
}
