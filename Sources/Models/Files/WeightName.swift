import Schemas

/// A weight of a language model by its part in the network, whatever a file calls it.
///
/// Matrices are `[outputs, inputs]`. Rows of a query or key lie in the order of Hugging Face: a head's rotary pairs are
/// its row i and its row i + headWidth / 2.
public enum WeightName: Sendable, Hashable {
  case tokenEmbedding
  /// Of encoders, as the next four.
  case positionEmbedding
  case tokenTypeEmbedding
  case embeddingNormGain
  case embeddingNormBias
  case layer(Int, LayerWeight)
  /// Of decoders, as the head.
  case finalNorm
  /// The token embedding where the head is tied to it.
  case head
}

/// A weight of one layer.
public enum LayerWeight: String, Sendable, Hashable, CaseIterable {
  case query, queryBias, key, keyBias, value, valueBias, output, outputBias
  /// An encoder's behind its attention, a decoder's before it, without a bias.
  case attentionNormGain, attentionNormBias
  /// Of decoders: before the feed-forward network.
  case feedForwardNormGain
  case gate, up, upBias, down, downBias
  /// Of encoders: behind the feed-forward network.
  case outputNormGain, outputNormBias
}

extension LanguageShape {
  /// Every weight that the network computes with, and its shape; a tied head is not one of its own.
  ///
  /// The shape must have passed `validate()`.
  public var weights: [(name: WeightName, shape: [Int])] {
    var weights: [(name: WeightName, shape: [Int])] = []
    switch self {
    case .encoder(let shape):
      let width = shape.width
      weights = [
        (.tokenEmbedding, [shape.vocabulary, width]), (.positionEmbedding, [shape.positions, width]),
        (.tokenTypeEmbedding, [shape.tokenTypes, width]), (.embeddingNormGain, [width]), (.embeddingNormBias, [width]),
      ]
      for layer in 0..<shape.layers {
        let parts: [(LayerWeight, [Int])] = [
          (.query, [width, width]), (.queryBias, [width]), (.key, [width, width]), (.keyBias, [width]),
          (.value, [width, width]), (.valueBias, [width]), (.output, [width, width]), (.outputBias, [width]),
          (.attentionNormGain, [width]), (.attentionNormBias, [width]),
          (.up, [shape.intermediate, width]), (.upBias, [shape.intermediate]),
          (.down, [width, shape.intermediate]), (.downBias, [width]),
          (.outputNormGain, [width]), (.outputNormBias, [width]),
        ]
        weights += parts.map { (.layer(layer, $0.0), $0.1) }
      }
    case .decoder(let shape):
      let (width, query, keyValue) = (shape.width, shape.queryWidth, shape.keyValueWidth)
      weights = [(.tokenEmbedding, [shape.vocabulary, width])]
      for layer in 0..<shape.layers {
        let biases: [(LayerWeight, [Int])] = [(.queryBias, [query]), (.keyBias, [keyValue]), (.valueBias, [keyValue])]
        let parts: [(LayerWeight, [Int])] = [
          (.attentionNormGain, [width]), (.query, [query, width]), (.key, [keyValue, width]),
          (.value, [keyValue, width]), (.output, [width, query]), (.feedForwardNormGain, [width]),
          (.gate, [shape.intermediate, width]), (.up, [shape.intermediate, width]),
          (.down, [width, shape.intermediate]),
        ]
        weights += (parts + (shape.attentionBias ? biases : [])).map { (.layer(layer, $0.0), $0.1) }
      }
      weights.append((.finalNorm, [width]))
      if !shape.tiedHead { weights.append((.head, [shape.vocabulary, width])) }
    }
    return weights
  }
}
