import Schemas

/// The memory of a decoder's passes over at most `capacity` tokens.
struct DecoderBuffers {
  /// What a layer's way back reads of its way there, `[tokens, …]` each. The outputs of the norms and of SwiGLU are left
  /// out: they are made again from what is here.
  struct Layer {
    /// 1 / RMS of the layer's input.
    let inputScale: Region
    /// Queries and keys, turned by their positions, and values, side by side.
    let projected: Region
    /// Of the softmax, `[tokens, heads]`.
    let logSums: Region
    let attended: Region
    /// The residual stream behind the attention, and its 1 / RMS.
    let middle: Region
    let middleScale: Region
    /// The way back overwrites these two with their gradients.
    let gate: Region
    let up: Region
    /// u of the adapters of each product.
    let u: [Region]
  }

  /// The last norm, the head and the loss, for some labelled rows at a time.
  struct Head {
    /// Enough rows for the product with the head to run at full speed.
    static let rows = 128

    let input: Region
    let normalised: Region
    let scale: Region
    /// `[rows, vocabulary]`, and in place its gradient.
    let logits: Region
    let losses: Region
    let dNormalised: Region
    let dInput: Region
  }

  /// The residual stream before each layer and behind the last; two in turn where there is no way back.
  let stream: [Region]
  let layers: [Layer]
  let head: Head

  // What layers use one after the other.
  /// `[tokens, width]`: the output of a norm, and what a product adds to the stream.
  let normalised: Region
  let branch: Region
  /// silu(gate) · up, `[tokens, intermediate]`.
  let gated: Region

  // The way back.
  let dStream: Region
  let dNormalised: Region
  let dGated: Region
  let dProjected: Region
  let dAttended: Region
  let du: Region
  let dropped: Region

  init(
    _ training: LanguageTraining, _ shape: DecoderShape, _ capacity: PassCapacity, keeping: Keeping,
    _ arena: inout ArenaCursor
  ) {
    let (tokens, width, intermediate) = (capacity.tokens, shape.width, shape.intermediate)
    let projections = shape.queryWidth + 2 * shape.keyValueWidth
    let goesBack = keeping != .nothing
    let targets = training.adapters?.targets ?? []
    let rank = training.adapters?.rank ?? 0
    let ranks = DecoderPlan.Product.allCases.map { rank * $0.targets.count(where: targets.contains) }

    var stream = [arena.take(tokens * width), arena.take(tokens * width)]
    while stream.count <= shape.layers {
      stream.append(goesBack ? arena.take(tokens * width) : stream[stream.count - 2])
    }
    self.stream = stream
    func layer(_ arena: inout ArenaCursor) -> Layer {
      Layer(
        inputScale: arena.take(tokens), projected: arena.take(tokens * projections),
        logSums: arena.take(tokens * shape.heads), attended: arena.take(tokens * shape.queryWidth),
        middle: arena.take(tokens * width), middleScale: arena.take(tokens), gate: arena.take(tokens * intermediate),
        up: arena.take(tokens * intermediate), u: ranks.map { arena.take(tokens * $0) })
    }
    var layers = [layer(&arena)]
    while layers.count < shape.layers { layers.append(keeping == .everything ? layer(&arena) : layers[0]) }
    self.layers = layers

    let rows = min(Head.rows, tokens)
    head = Head(
      input: arena.take(rows * width), normalised: arena.take(rows * width), scale: arena.take(rows),
      logits: arena.take(rows * shape.vocabulary), losses: arena.take(rows),
      dNormalised: arena.take(rows * width, if: goesBack), dInput: arena.take(rows * width, if: goesBack))
    normalised = arena.take(tokens * width)
    branch = arena.take(tokens * width)
    gated = arena.take(tokens * intermediate)

    dStream = arena.take(tokens * width, if: goesBack)
    dNormalised = arena.take(tokens * width, if: goesBack)
    dGated = arena.take(tokens * intermediate, if: goesBack)
    dProjected = arena.take(tokens * projections, if: goesBack)
    dAttended = arena.take(tokens * shape.queryWidth, if: goesBack)
    du = arena.take(tokens * (ranks.max() ?? 0), if: goesBack)
    let widest = max(width, intermediate, shape.queryWidth)
    dropped = arena.take(tokens * widest, if: goesBack && (training.adapters?.dropout ?? 0) > 0)
  }
}
