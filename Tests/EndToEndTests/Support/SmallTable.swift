import Foundation

/// Four owners' rows and a plan, small enough that a round takes a fraction of a second.
enum SmallTable {
  static let owners = ["bay", "coast", "hill", "north"]
  static let rowsEach = 60
  /// Rows of fold 0 of all owners together: held out by the plan.
  static let heldOut = owners.count * rowsEach / 4

  struct Row: Sendable {
    var age: Int
    /// Nil where it was not measured.
    var pressure: Int?
    var pain: String
    var sick: Int
    var fold: Int
  }

  static let pains = ["none", "some", "strong"]

  /// The old and those in strong pain tend to be sick.
  static func rows(of owner: String) -> [Row] {
    var state = owner.utf8.reduce(UInt64(17)) { $0 &* 31 &+ UInt64($1) }
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    return (0..<rowsEach).map { index in
      let age = 20 + next(70)
      let pain = pains[next(3)]
      let pressure = next(10) == 0 ? nil : 100 + next(80)
      return Row(
        age: age, pressure: pressure, pain: pain, sick: age + (pain == "strong" ? 30 : 0) + next(40) > 85 ? 1 : 0,
        fold: index % 4)
    }
  }

  static func csv(_ rows: [Row]) -> String {
    var text = "age,pressure,pain,sick,fold\n"
    for row in rows {
      text += "\(row.age),\(row.pressure.map(String.init) ?? ""),\(row.pain),\(row.sick),\(row.fold)\n"
    }
    return text
  }

  static let plan = """
    name: small
    model: {family: table, hidden: []}
    schema:
      columns:
        - {name: age, type: number, range: [0, 100]}
        - {name: pressure, type: number, range: [50, 250]}
        - {name: pain, type: category, values: [none, some, strong]}
      label: {name: sick, values: ["0", "1"]}
      fold: fold
    training: {optimizer: sgd, learningRate: 0.5, epochs: 2}
    rounds: 3
    cohort: {size: 4, minimumSurvivors: 3, assumedColluders: 1, deadlineSeconds: 300}
    update: {clipNorm: 5.0, maximumWeight: 64}
    evaluation: {fold: 0}

    """
  /// Counts, moments, three updates, evaluation.
  static let roundsInAll = 6
}
