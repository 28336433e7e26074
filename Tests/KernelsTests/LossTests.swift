import Kernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Losses")
struct LossTests {
  static func softmaxLoss(_ row: [Double], _ label: Int) -> Double {
    log(row.reduce(0) { $0 + exp($1) }) - row[label]
  }
  static func binaryLoss(_ x: Double, _ label: Int32) -> Double {
    let p = 1 / (1 + exp(-x))
    return -log(label == 1 ? p : 1 - p)
  }

  static let softmaxShapes: [(rows: Int, classes: Int)] =
    [(1, 1), (1, 2), (3, 3), (5, 4), (4, 7)] + raggedLengths.map { (2, $0) }

  @Test("Softmax cross-entropy equals -log of the label's probability", arguments: KernelLevel.available)
  func softmaxForward(level: KernelLevel) {
    for (rows, classes) in Self.softmaxShapes {
      var numbers = TestNumbers(UInt64(rows * 1000 + classes))
      let x = numbers.floats(rows * classes, 4)
      let labels = numbers.labels(rows, classes: classes)
      var p = [Float](repeating: .nan, count: x.count)
      var alone = p
      var losses = [Float](repeating: .nan, count: rows)
      var pSpan = p.mutableSpan
      var aloneSpan = alone.mutableSpan
      var lossSpan = losses.mutableSpan
      SoftmaxCrossEntropy.forward(
        probabilities: &pSpan, losses: &lossSpan, logits: x.span, labels: labels.span, on: .at(level: level))
      SoftmaxCrossEntropy.probabilities(&aloneSpan, logits: x.span, rows: rows, on: .at(level: level))
      let table = (0..<rows).map { x[$0 * classes..<($0 + 1) * classes].map(Double.init) }
      let expected = table.flatMap { row in row.map { exp($0) / row.reduce(0) { $0 + exp($1) } } }
      #expect(worstError(p, expected) < 5e-7)
      #expect(alone == p)
      #expect(worstError(losses, zip(table, labels).map { Self.softmaxLoss($0, Int($1)) }) < 1e-6)
    }
  }

  @Test("Softmax cross-entropy's gradient equals finite differences, also in place", arguments: KernelLevel.available)
  func softmaxBackward(level: KernelLevel) {
    for (rows, classes) in Self.softmaxShapes {
      var numbers = TestNumbers(UInt64(rows * 1000 + classes + 7))
      let x = numbers.floats(rows * classes, 4)
      let labels = numbers.labels(rows, classes: classes)
      var p = [Float](repeating: .nan, count: x.count)
      var losses = [Float](repeating: .nan, count: rows)
      var dx = p
      var pSpan = p.mutableSpan
      var lossSpan = losses.mutableSpan
      SoftmaxCrossEntropy.forward(
        probabilities: &pSpan, losses: &lossSpan, logits: x.span, labels: labels.span, on: .at(level: level))
      var dxSpan = dx.mutableSpan
      SoftmaxCrossEntropy.backward(
        dLogits: &dxSpan, probabilities: p.span, labels: labels.span, scale: 0.25, on: .at(level: level))
      let expected = finiteDifferences(x.doubles) { x in
        (0..<rows).reduce(0) {
          $0 + 0.25 * Self.softmaxLoss(Array(x[$1 * classes..<($1 + 1) * classes]), Int(labels[$1]))
        }
      }
      #expect(worstError(dx, expected) < 1e-6)
    }
  }

  @Test("In place, the losses and gradients are those of the two steps", arguments: KernelLevel.available)
  func softmaxInPlace(level: KernelLevel) {
    for (rows, classes) in Self.softmaxShapes + [(3, 5003)] {
      var numbers = TestNumbers(UInt64(rows * 1000 + classes + 9))
      var x = numbers.floats(rows * classes, 4)
      let labels = numbers.labels(rows, classes: classes)
      let table = (0..<rows).map { x[$0 * classes..<($0 + 1) * classes].map(Double.init) }
      let gradients = table.enumerated().flatMap { i, row in
        let total = row.reduce(0) { $0 + exp($1) }
        return row.enumerated().map { 0.25 * (exp($1) / total - ($0 == Int(labels[i]) ? 1 : 0)) }
      }
      var losses = [Float](repeating: .nan, count: rows)
      var xSpan = x.mutableSpan
      var lossSpan = losses.mutableSpan
      SoftmaxCrossEntropy.inPlace(
        logits: &xSpan, losses: &lossSpan, labels: labels.span, scale: 0.25, on: .at(level: level))
      #expect(worstError(losses, zip(table, labels).map { Self.softmaxLoss($0, Int($1)) }) < 1e-6)
      #expect(worstError(x, gradients) < 5e-7)
    }
  }

  @Test("Softmax survives logits of a thousand", arguments: KernelLevel.available)
  func softmaxExtremes(level: KernelLevel) {
    let x: [Float] = [1000, 0, -1000, 1000, 0, -1000]
    let labels: [Int32] = [0, 2]
    var p = [Float](repeating: .nan, count: 6)
    var losses: [Float] = [.nan, .nan]
    var pSpan = p.mutableSpan
    var lossSpan = losses.mutableSpan
    SoftmaxCrossEntropy.forward(
      probabilities: &pSpan, losses: &lossSpan, logits: x.span, labels: labels.span, on: .at(level: level))
    #expect(losses == [0, 2000])
    #expect(p[0] == 1 && p[1] < 1e-37 && p[5] < 1e-37)
  }

  @Test("Binary cross-entropy and its probability equal their formulas", arguments: KernelLevel.available)
  func binaryForward(level: KernelLevel) {
    for count in raggedLengths {
      var numbers = TestNumbers(UInt64(count) + 300)
      let x = numbers.floats(count, 12)
      let labels = numbers.labels(count, classes: 2)
      var losses = [Float](repeating: .nan, count: count)
      var p = losses
      var lossSpan = losses.mutableSpan
      var pSpan = p.mutableSpan
      BinaryCrossEntropy.forward(losses: &lossSpan, logits: x.span, labels: labels.span, on: .at(level: level))
      BinaryCrossEntropy.probabilities(&pSpan, logits: x.span, on: .at(level: level))
      #expect(worstError(losses, zip(x, labels).map { Self.binaryLoss(Double($0), $1) }) < 5e-7)
      #expect(worstError(p, x.map { 1 / (1 + exp(-Double($0))) }) < 2e-7)
    }
  }

  @Test("Binary cross-entropy's gradient equals finite differences", arguments: KernelLevel.available)
  func binaryBackward(level: KernelLevel) {
    for count in raggedLengths {
      var numbers = TestNumbers(UInt64(count) + 400)
      let x = numbers.floats(count, 6)
      let labels = numbers.labels(count, classes: 2)
      var dx = [Float](repeating: .nan, count: count)
      var span = dx.mutableSpan
      BinaryCrossEntropy.backward(
        dLogits: &span, logits: x.span, labels: labels.span, scale: 0.5, on: .at(level: level))
      let expected = zip(x, labels).map { x, label in
        finiteDifferences([Double(x)]) { 0.5 * Self.binaryLoss($0[0], label) }[0]
      }
      #expect(worstError(dx, expected) < 1e-6)
    }
  }

  @Test(
    "Binary cross-entropy of a confident model neither overflows nor loses its small loss",
    arguments: KernelLevel.available)
  func binaryExtremes(level: KernelLevel) {
    let x: [Float] = [1000, -1000, 1000, -1000, 20, 0]
    let labels: [Int32] = [1, 0, 0, 1, 1, 1]
    var losses = [Float](repeating: .nan, count: 6)
    var span = losses.mutableSpan
    BinaryCrossEntropy.forward(losses: &span, logits: x.span, labels: labels.span, on: .at(level: level))
    #expect(losses[0] < 1e-30 && losses[1] < 1e-30 && losses[2] == 1000 && losses[3] == 1000)
    // log(1 + e⁻²⁰) = e⁻²⁰ to nine digits
    #expect(abs(Double(losses[4]) / exp(-20) - 1) < 1e-6)
    #expect(abs(Double(losses[5]) - log(2)) < 1e-7)
  }
}
