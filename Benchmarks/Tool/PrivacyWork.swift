import Privacy

/// The accountants on a list of points, for the comparison in `Benchmarks/reference/privacy.py`.
///
/// Each line of standard input is `sigma rate steps delta`; each line of output is the ε by Rényi divergences and the one
/// by loss distributions.
enum PrivacyWork {
  static func run(_ options: Options) throws {
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 4, let sigma = Double(words[0]), let rate = Double(words[1]), let steps = Int(words[2]),
        let delta = Double(words[3])
      else { throw Options.Mistake.invalid(name: "point", value: line) }
      let step = try SampledGaussian(noiseMultiplier: sigma, samplingRate: rate)
      var renyi = RenyiAccountant()
      renyi.compose(step, times: steps)
      var exact = PrivacyAccountant()
      try exact.compose(step, times: steps)
      print(renyi.epsilon(delta: delta), try exact.epsilon(delta: delta))
    }
  }
}
