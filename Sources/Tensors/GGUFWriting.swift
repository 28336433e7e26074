extension GGUF {
  /// A file of version 3 with these values and tensors in their order; equal arguments give equal bytes.
  ///
  /// Tensors are aligned to `general.alignment`, or to 32 bytes when the metadata does not say.
  public static func encoded(metadata: [(key: String, value: Value)], tensors: [Tensor]) -> [UInt8] {
    let alignment = metadata.first { $0.key == "general.alignment" }?.value.integer ?? 32
    precondition(alignment > 0 && alignment.nonzeroBitCount == 1, "an alignment is a power of two")
    var writer = Writer()
    writer.bytes += "GGUF".utf8
    writer.append(UInt32(3))
    writer.append(UInt64(tensors.count))
    writer.append(UInt64(metadata.count))
    for (key, value) in metadata {
      writer.append(key)
      writer.append(value.type.rawValue)
      writer.append(value)
    }
    var offset = 0
    for tensor in tensors {
      let blocks = tensor.shape.reduce(1, *) / tensor.type.blockLength
      precondition(tensor.bytes.count == blocks * tensor.type.blockByteCount, "bytes that fill the shape")
      writer.append(tensor.name)
      writer.append(UInt32(tensor.shape.count))
      for extent in tensor.shape.reversed() { writer.append(UInt64(extent)) }
      writer.append(tensor.type.rawValue)
      writer.append(UInt64(offset))
      offset += padded(tensor.bytes.count, to: alignment)
    }
    let dataStart = padded(writer.bytes.count, to: alignment)
    writer.bytes.reserveCapacity(dataStart + offset)
    for tensor in tensors {
      writer.pad(to: alignment)
      writer.bytes += tensor.bytes
    }
    writer.pad(to: alignment)
    return writer.bytes
  }

  private static func padded(_ count: Int, to alignment: Int) -> Int { (count + alignment - 1) & -alignment }

  private struct Writer {
    var bytes: [UInt8] = []

    mutating func pad(to alignment: Int) {
      bytes += [UInt8](repeating: 0, count: padded(bytes.count, to: alignment) - bytes.count)
    }

    mutating func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(_ text: String) {
      append(UInt64(text.utf8.count))
      bytes += text.utf8
    }

    mutating func append(_ value: Value) {
      switch value {
      case .uint8(let value): append(value)
      case .int8(let value): append(value)
      case .uint16(let value): append(value)
      case .int16(let value): append(value)
      case .uint32(let value): append(value)
      case .int32(let value): append(value)
      case .float32(let value): append(value.bitPattern)
      case .bool(let value): append(UInt8(value ? 1 : 0))
      case .string(let text): append(text)
      case .array(let type, let elements):
        append(type.rawValue)
        append(UInt64(elements.count))
        for element in elements { append(element) }
      case .uint64(let value): append(value)
      case .int64(let value): append(value)
      case .float64(let value): append(value.bitPattern)
      }
    }
  }
}
