extension Safetensors {
  /// The parameters as F32 tensors, in the order of their layout.
  public init(_ parameters: Parameters, metadata: [String: String]) {
    let tensors = parameters.layout.entries.map { entry in
      var bytes: [UInt8] = []
      bytes.reserveCapacity(4 * entry.count)
      for value in parameters.values[entry.offset..<entry.offset + entry.count] {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
      }
      return Tensor(name: entry.name, type: .f32, shape: entry.shape, bytes: bytes)
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
      for start in stride(from: 0, to: tensor.bytes.count, by: 4) {
        let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(tensor.bytes[start + $1]) << (8 * UInt32($1)) }
        let value = Float(bitPattern: bits)
        guard value.isFinite else { throw .notFinite(tensor: tensor.name) }
        values.append(value)
      }
    }
    return Parameters(layout: ParameterLayout(tensors.map { ($0.name, $0.shape) }), values: values)
  }
}
