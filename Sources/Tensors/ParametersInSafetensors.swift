extension Safetensors {
  /// The parameters as F32 tensors, in the order of their layout.
  public init(_ parameters: Parameters, metadata: [String: String]) {
    let tensors = parameters.layout.entries.map { entry in
      Tensor(
        name: entry.name, type: .f32, shape: entry.shape,
        bytes: parameters.values[entry.offset..<entry.offset + entry.count].littleEndianBytes)
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
      let first = values.count
      tensor.bytes.withUnsafeBytes { values.append(littleEndianBytes: $0) }
      guard values[first...].allSatisfy(\.isFinite) else { throw .notFinite(tensor: tensor.name) }
    }
    return Parameters(layout: ParameterLayout(tensors.map { ($0.name, $0.shape) }), values: values)
  }
}
