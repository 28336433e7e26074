import Federation
import Schemas

extension RunPlan {
  /// What the plan says of its table; these tests plan nothing else with it.
  var table: TableFamily {
    get {
      guard case .table(let family) = model else { preconditionFailure("the plan's family is no table") }
      return family
    }
    set { model = .table(newValue) }
  }

  /// The genesis as a table's.
  func tableGenesis() throws -> TableCheckpoint {
    .genesis(planDigest: try digest().description, schema: table.schema)
  }
}
