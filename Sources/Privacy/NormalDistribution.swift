#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The upper tail of the standard normal distribution: P(X > x).
func normalTail(_ x: Double) -> Double { erfc(x * 0.5.squareRoot()) / 2 }

/// P(a < X ≤ b) of the standard normal distribution, with the digits of the tail that both ends lie in.
func normalMass(_ a: Double, _ b: Double) -> Double {
  a > 0 ? normalTail(a) - normalTail(b) : normalTail(-b) - normalTail(-a)
}
