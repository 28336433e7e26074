public import Privacy
public import Schemas

/// DP-SGD on a participant's own rows: a training with which the trained parameters tell little of any one row.
///
/// Each step takes every row with the same probability, scales each row's own gradient down to a norm of at most
/// `clipNorm`, and adds Gaussian noise to their sum, which is divided by the number of rows that a step takes on average.
/// What the optimiser makes of it afterwards costs no privacy.
///
/// Source: Abadi et al., "Deep Learning with Differential Privacy", arXiv:1607.00133, algorithm 1.
public struct PrivateTraining {
  public let clipNorm: Double
  public let step: SampledGaussian
  public let stepCount: Int
  private let sampling: any SecretRandomness
  private let noise: any SecretRandomness

  /// - Parameters:
  ///   - sampling, noise: Two streams that nobody can foretell and that serve nothing else.
  public init(
    clipNorm: Double, step: SampledGaussian, stepCount: Int, sampling: any SecretRandomness,
    noise: any SecretRandomness
  ) {
    precondition(clipNorm > 0 && stepCount > 0)
    self.clipNorm = clipNorm
    self.step = step
    self.stepCount = stepCount
    self.sampling = sampling
    self.noise = noise
  }

  /// How a recipe's epochs become private steps: a batch of b of N rows is a probability of b / N, and an epoch as many
  /// steps as it has batches.
  public static func schedule(_ recipe: TrainingRecipe, rowCount: Int) -> (samplingRate: Double, stepCount: Int) {
    precondition(rowCount > 0)
    let batch = recipe.batchSize == 0 ? rowCount : min(recipe.batchSize, rowCount)
    return (Double(batch) / Double(rowCount), recipe.epochs * ((rowCount + batch - 1) / batch))
  }
}

extension PrivateTraining {
  /// A row's gradient is scaled to a little less than `clipNorm`: its norm is computed in single precision, and rounding
  /// a sum to the grid of the noise moves it by up to √count / 2 steps, which for the largest vector is half of the rest.
  private static let margin = 0x1p-10
  private static let gridStep = 0x1p-25

  /// The largest norm that a row's gradient keeps.
  var bound: Double { clipNorm * (1 - Self.margin) }

  /// What a gradient of that squared norm is multiplied by.
  func factor(squaredNorm: Double) -> Float { Float(min(1, bound / squaredNorm.squareRoot())) }

  func rows() -> PoissonSampling { PoissonSampling(rate: step.samplingRate, sampling) }

  func gaussian() -> GaussianNoise { GaussianNoise(noise) }

  /// Makes of a sum of clipped gradients the noised mean that a step follows.
  func finish(_ sum: Region, noise: inout GaussianNoise, rowCount: Int) {
    noise.add(to: sum, deviation: step.noiseMultiplier * clipNorm, grid: clipNorm * Self.gridStep)
    let scale = Float(1 / (step.samplingRate * Double(rowCount)))
    for i in sum.indices { sum[i] *= scale }
  }
}
