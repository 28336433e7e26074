import Schemas

/// The memory of an encoder's passes over at most `capacity` tokens.
struct EncoderBuffers {
  /// What a layer computes; whatever the way back does not read is shared by all layers.
  struct Layer {
    /// q, k and v side by side, `[tokens, 3 · width]`.
    let projected: Region
    /// `[tokens, width]`
    let attended: Region
    /// Of the softmax, `[tokens, heads]`.
    let logSums: Region
    /// Before and behind the norm of the attention's residual.
    let attentionSum: Region
    let attentionMean: Region
    let attentionScale: Region
    let attentionOutput: Region
    /// Before and behind the activation, `[tokens, intermediate]`.
    let before: Region
    let after: Region
    let outputSum: Region
    let outputMean: Region
    let outputScale: Region
    /// u of the adapters of each of the four products.
    let u: [Region]
  }

  let embeddingSum: Region
  let embeddingMean: Region
  let embeddingScale: Region
  /// The input of each layer, and the last one's output.
  let hidden: [Region]
  let layers: [Layer]
  let pooled: Region
  let logits: Region
  let probabilities: Region
  let losses: Region

  // The way back.
  let dLogits: Region
  let dPooled: Region
  /// `[tokens, width]` each: gradients of a layer's output and of the sum inside it.
  let dOutput: Region
  let dSum: Region
  let dAttended: Region
  /// `[tokens, intermediate or 3 · width]`
  let dWide: Region
  let du: Region
  let dropped: Region

  /// - Parameter keeping: What the way back needs of the way there.
  init(
    _ training: LanguageTraining, _ shape: EncoderShape, _ capacity: PassCapacity, keeping: Keeping,
    _ arena: inout ArenaCursor
  ) {
    let (tokens, width, intermediate) = (capacity.tokens, shape.width, shape.intermediate)
    let goesBack = keeping != .nothing
    let isFull = training.method == .full
    let trainsA = training.adapters?.trainA ?? false
    let targets = training.adapters?.targets ?? []
    let rank = training.adapters?.rank ?? 0
    func isRead(_ readers: AdapterTarget...) -> Bool {
      isFull || (trainsA && readers.contains(where: targets.contains))
    }

    embeddingSum = arena.take(tokens * width)
    embeddingMean = arena.take(tokens)
    embeddingScale = arena.take(tokens)
    dOutput = arena.take(tokens * width, if: goesBack)
    dSum = arena.take(tokens * width, if: goesBack)
    dAttended = arena.take(tokens * width, if: goesBack)
    dWide = arena.take(tokens * max(intermediate, 3 * width), if: goesBack)

    // A layer's input is read again where a product's x is, and where the layer is computed again.
    let keepsInputs = goesBack && (keeping == .inputs || isRead(.query, .key, .value))
    var hidden = [arena.take(tokens * width), arena.take(tokens * width)]
    while hidden.count <= shape.layers {
      hidden.append(keepsInputs ? arena.take(tokens * width) : hidden[hidden.count - 2])
    }
    self.hidden = hidden

    // Without a way back x is not read again; with one, the wide gradient is not in use on the way there.
    let wide = dWide
    let groups: [[AdapterTarget]] = [[.query, .key, .value], [.output], [.up], [.down]]
    func layer(_ arena: inout ArenaCursor, sharing shared: Layer?) -> Layer {
      let before = arena.take(tokens * intermediate)
      let keepsAfter = goesBack && isRead(.down)
      let keepsOutput = goesBack && isRead(.up)
      return Layer(
        projected: arena.take(tokens * 3 * width), attended: arena.take(tokens * width),
        logSums: arena.take(tokens * shape.heads), attentionSum: arena.take(tokens * width),
        attentionMean: arena.take(tokens), attentionScale: arena.take(tokens),
        attentionOutput: keepsOutput
          ? arena.take(tokens * width) : shared?.attentionOutput ?? arena.take(tokens * width),
        before: before,
        after: keepsAfter ? arena.take(tokens * intermediate) : goesBack ? wide : before,
        outputSum: arena.take(tokens * width), outputMean: arena.take(tokens), outputScale: arena.take(tokens),
        u: groups.map { arena.take(tokens * rank * $0.count(where: targets.contains)) })
    }
    var layers = [layer(&arena, sharing: nil)]
    while layers.count < shape.layers {
      layers.append(keeping == .everything ? layer(&arena, sharing: layers[0]) : layers[0])
    }
    self.layers = layers

    let outputs = training.task.outputs
    pooled = arena.take(capacity.sequences * width)
    logits = arena.take(capacity.sequences * outputs)
    probabilities = arena.take(capacity.sequences * outputs)
    losses = arena.take(capacity.sequences)
    dLogits = arena.take(capacity.sequences * outputs)
    dPooled = arena.take(capacity.sequences * width, if: goesBack)
    du = arena.take(tokens * rank * max(1, min(3, targets.count)), if: goesBack && rank > 0)
    dropped = arena.take(tokens * max(width, intermediate), if: (training.adapters?.dropout ?? 0) > 0)
  }
}
