import Foundation
import Tensors
import Testing

struct ReadOnlyFileTests {
  private let path = FileManager.default.temporaryDirectory.appending(path: "tributary-\(UUID()).bin").path

  private func write(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  @Test("A file is read at any place")
  func reads() throws {
    try write(Array(0..<100))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try ReadOnlyFile(path)
    #expect(file.byteCount == 100)
    #expect(try file.read(10..<13) == [10, 11, 12])
    #expect(try file.read(100..<100) == [])
  }

  @Test("A tensor larger than the pieces it is read in is whole")
  func largeTensor() throws {
    let values = (0..<300_000).map { Float($0 % 8192) }
    let tensor = Safetensors.Tensor(
      name: "w", type: .f32, shape: [300_000], bytes: Quantisation.quantise(values, as: .f32)!)
    try write(Safetensors(tensors: [tensor]).encoded())
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try SafetensorsFile(ReadOnlyFile(path)).floats("w") == values)
  }

  @Test("A file that is cut or written to while it is open is an error and no crash")
  func changed() throws {
    try write([UInt8](repeating: 1, count: 1 << 20))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let cut = try ReadOnlyFile(path)
    #expect(truncate(path, 1000) == 0)
    #expect(throws: TensorError.changed(file: path)) { try cut.read(0..<1 << 20) }
    #expect(throws: TensorError.changed(file: path)) { try cut.read(0..<10) }
    let longer = try ReadOnlyFile(path)
    #expect(truncate(path, 2000) == 0)
    #expect(throws: TensorError.changed(file: path)) { try longer.read(0..<10) }
  }

  @Test("A file that another replaces stays the one that was opened")
  func replaced() throws {
    try write([1, 2, 3])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try ReadOnlyFile(path)
    try Data([4, 5, 6, 7]).write(to: URL(fileURLWithPath: path), options: .atomic)
    #expect(try file.read(0..<3) == [1, 2, 3])
  }

  @Test("What is no regular file is refused by what it is")
  func refused() throws {
    let directory = FileManager.default.temporaryDirectory.path
    #expect(throws: TensorError.unreadable(file: path, reason: "no such file")) { try ReadOnlyFile(path) }
    #expect(throws: TensorError.unreadable(file: directory, reason: "is a directory")) { try ReadOnlyFile(directory) }
    #expect(mkfifo(path, 0o600) == 0)
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(throws: TensorError.unreadable(file: path, reason: "is not a regular file")) { try ReadOnlyFile(path) }
  }
}
