/// Decoding of a Reed-Solomon code over GF(2^8): the polynomial that most of the given values lie on.
///
/// Source: Welch and Berlekamp, US patent 4,633,470; as in Gemmell and Sudan, "Highly resilient correctors for
/// polynomials", Information Processing Letters 43 (1992). Only the coordinator decodes, from shares that were revealed to
/// it, so nothing here needs to take constant time.
enum BerlekampWelch {
  /// Finds which values are wrong, for a polynomial of `threshold` coefficients and at most (m - threshold) / 2 errors.
  ///
  /// With an error locator E, monic of degree e, and Q = P * E, each value satisfies Q(x) = y * E(x): one linear equation
  /// in the unknown coefficients of Q and E.
  ///
  /// - Returns: Indices of the wrong values; nil when no such polynomial exists.
  static func errors(points: [UInt8], values: [UInt8], threshold: Int) -> [Int]? {
    let count = points.count
    guard count >= threshold else { return nil }
    let wrong = (count - threshold) / 2
    let unknowns = threshold + 2 * wrong
    var rows = (0..<count).map { i in
      var row = [UInt8](repeating: 0, count: unknowns + 1)
      var power: UInt8 = 1
      for k in 0..<threshold + wrong {
        row[k] = power
        if k < wrong { row[threshold + wrong + k] = GaloisField.multiply(values[i], power) }
        if k == wrong { row[unknowns] = GaloisField.multiply(values[i], power) }
        power = GaloisField.multiply(power, points[i])
      }
      return row
    }
    guard let solution = solve(&rows, unknowns: unknowns) else { return nil }
    let product = Array(solution[..<(threshold + wrong)])
    let locator = Array(solution[(threshold + wrong)...]) + [1]
    guard let polynomial = divide(product, by: locator) else { return nil }
    return (0..<count).filter { evaluate(polynomial, at: points[$0]) != values[$0] }
  }

  /// One solution of the linear system, free unknowns zero; nil when there is none.
  private static func solve(_ rows: inout [[UInt8]], unknowns: Int) -> [UInt8]? {
    var pivots: [(row: Int, column: Int)] = []
    for column in 0..<unknowns {
      guard let found = (pivots.count..<rows.count).first(where: { rows[$0][column] != 0 }) else { continue }
      let pivot = pivots.count
      rows.swapAt(pivot, found)
      let inverse = GaloisField.invert(rows[pivot][column])
      for k in column...unknowns { rows[pivot][k] = GaloisField.multiply(rows[pivot][k], inverse) }
      for other in rows.indices where other != pivot && rows[other][column] != 0 {
        let factor = rows[other][column]
        for k in column...unknowns { rows[other][k] ^= GaloisField.multiply(rows[pivot][k], factor) }
      }
      pivots.append((pivot, column))
    }
    if rows[pivots.count...].contains(where: { $0[unknowns] != 0 }) { return nil }
    var solution = [UInt8](repeating: 0, count: unknowns)
    for pivot in pivots { solution[pivot.column] = rows[pivot.row][unknowns] }
    return solution
  }

  /// The quotient by a monic divisor, lowest coefficient first; nil when a remainder is left.
  private static func divide(_ dividend: [UInt8], by divisor: [UInt8]) -> [UInt8]? {
    let degree = divisor.count - 1
    var rest = dividend
    var quotient = [UInt8](repeating: 0, count: max(0, dividend.count - degree))
    for k in quotient.indices.reversed() {
      let factor = rest[k + degree]
      quotient[k] = factor
      for j in 0...degree { rest[k + j] ^= GaloisField.multiply(divisor[j], factor) }
    }
    return rest.allSatisfy { $0 == 0 } ? quotient : nil
  }

  private static func evaluate(_ polynomial: [UInt8], at point: UInt8) -> UInt8 {
    polynomial.reversed().reduce(0) { GaloisField.multiply($0, point) ^ $1 }
  }
}
