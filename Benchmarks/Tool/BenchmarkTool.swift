#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The product's side of the benchmarks and of the comparisons with reference implementations; `scripts/bench` runs it.
///
///     tributary-bench table --widths 64,32,10 --batch 32
///
/// The first word names the work, and `--name value` pairs describe it. Measured works answer on standard input and
/// output, as `Laps` says.
@main
enum BenchmarkTool {
  /// Each runs to its end, or for as long as `Laps` is asked for more.
  static let works: [(name: String, run: @Sendable (Options) throws -> Void)] = [
    ("table", TableWork.run), ("encoder-training", LanguageTrainingWork.encoder),
    ("decoder-training", LanguageTrainingWork.decoder), ("embeddings", EmbeddingsWork.run),
    ("trajectory", Trajectory.run), ("adapter", AdapterWork.run), ("generation", GenerationWork.run),
    ("peak", PeakWork.run), ("privacy", PrivacyWork.run),
    ("private-encoder-training", LanguageTrainingWork.privateEncoder),
    ("private-decoder-training", LanguageTrainingWork.privateDecoder),
    ("averaging", AveragingWork.run), ("coordinator", CoordinatorWork.run),
  ]

  static func main() {
    let words = CommandLine.arguments.dropFirst()
    guard let name = words.first, let work = works.first(where: { $0.name == name }) else {
      fail("expected one of \(works.map(\.name).joined(separator: ", "))")
    }
    do {
      try work.run(try Options(words.dropFirst()))
    } catch { fail("\(name): \(error)") }
  }

  static func fail(_ problem: String) -> Never {
    let line = Array("tributary-bench: error: \(problem)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress!, $0.count) }
    exit(2)
  }
}
