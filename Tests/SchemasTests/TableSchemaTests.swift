import Foundation
import Schemas
import Testing

/// A schema with two numbers, a category and a binary label.
let patients = TableSchema(
  columns: [
    .init(name: "age", kind: .number(range: 0...100, missing: [])),
    .init(name: "pain", kind: .category(values: ["none", "some"], missing: ["?"])),
    .init(name: "pressure", kind: .number(range: 50...250, missing: [0])),
  ],
  label: .init(name: "sick", values: ["0", "1"]), fold: "fold", ignore: ["id"])

struct TableSchemaTests {
  @Test("A schema reads from what a plan says, with the optional keys left out")
  func decodes() throws {
    let text = """
      {"columns": [{"name": "age", "type": "number", "range": [0, 100]},
       {"name": "pain", "type": "category", "values": ["none", "some"], "missing": ["?"]},
       {"name": "pressure", "type": "number", "range": [50, 250], "missing": [0]}],
       "label": {"name": "sick", "values": ["0", "1"]}, "fold": "fold", "ignore": ["id"]}
      """
    let schema = try JSONDecoder().decode(TableSchema.self, from: Data(text.utf8))
    #expect(schema == patients)
    #expect(throws: Never.self) { try schema.validate() }
    #expect(try JSONDecoder().decode(TableSchema.self, from: JSONEncoder().encode(schema)) == schema)
  }

  @Test(
    "A range that goes backwards is an error and no trap", arguments: ["[3, 1]", "[1, 1]", "[1]", "[]", "[1, 2, 3]"])
  func badRange(range: String) {
    let text =
      #"{"columns": [{"name": "a", "type": "number", "range": \#(range)}], "label": {"name": "l", "values": []}}"#
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(TableSchema.self, from: Data(text.utf8)) }
  }

  @Test("What no rows could satisfy, or two readers could understand differently, is refused with its place")
  func refuses() {
    func problem(_ change: (inout TableSchema) -> Void) -> String? {
      var schema = patients
      change(&schema)
      do {
        try schema.validate()
        return nil
      } catch { return error.description }
    }
    #expect(problem { _ in } == nil)
    #expect(problem { $0.columns = [] } == "schema.columns: at least one column is needed")
    #expect(problem { $0.columns[1].name = "age" } == "schema.columns.1: column \"age\" is declared twice")
    #expect(problem { $0.columns[0].name = "" } == "schema.columns.0: a column needs a name")
    #expect(problem { $0.columns[0].kind = .number(range: 0...0, missing: []) } != nil)
    #expect(problem { $0.columns[0].kind = .number(range: 0...(.infinity), missing: []) } != nil)
    #expect(problem { $0.columns[0].kind = .number(range: -1.7e308...1.7e308, missing: []) } != nil)
    #expect(problem { $0.columns[0].kind = .number(range: 0...1, missing: [.nan]) } != nil)
    #expect(problem { $0.columns[1].kind = .category(values: [], missing: []) } != nil)
    #expect(problem { $0.columns[1].kind = .category(values: ["a", "a"], missing: []) } != nil)
    #expect(problem { $0.columns[1].kind = .category(values: ["a", ""], missing: []) } != nil)
    #expect(problem { $0.columns[1].kind = .category(values: ["a"], missing: ["a"]) } != nil)
    #expect(
      problem { $0.label.name = "age" } == "schema.label: \"age\" is also a column: the model would be told the answer")
    #expect(problem { $0.label.values = ["1"] } == "schema.label: \"sick\" needs at least 2 values, found 1")
    #expect(problem { $0.fold = "sick" } != nil)
    #expect(problem { $0.ignore = ["age"] } != nil)
    #expect(problem { $0.ignore = ["x", "x"] } != nil)
  }
}

struct TrainingRecipeTests {
  @Test("A recipe without clipping and warm-up says nothing of them, so that the digests of older plans stay")
  func absentKeys() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var recipe = TrainingRecipe(optimizer: .adamw, learningRate: 0.5)
    #expect(
      String(decoding: try encoder.encode(recipe), as: UTF8.self)
        == #"{"batchSize":0,"epochs":1,"learningRate":0.5,"momentum":0,"optimizer":"adamw","weightDecay":0}"#)
    recipe.clipGradientNorm = 1
    recipe.warmupSteps = 10
    #expect(try JSONDecoder().decode(TrainingRecipe.self, from: encoder.encode(recipe)) == recipe)
  }

  @Test("Optional keys have their defaults, and impossible values are refused with their key")
  func recipe() throws {
    let text = #"{"optimizer": "sgd", "learningRate": 0.5}"#
    let recipe = try JSONDecoder().decode(TrainingRecipe.self, from: Data(text.utf8))
    #expect(
      recipe == TrainingRecipe(optimizer: .sgd, learningRate: 0.5, momentum: 0, weightDecay: 0, batchSize: 0, epochs: 1)
    )
    #expect(throws: Never.self) { try recipe.validate() }
    func problem(_ change: (inout TrainingRecipe) -> Void) -> String? {
      var changed = recipe
      change(&changed)
      do {
        try changed.validate()
        return nil
      } catch { return error.description }
    }
    #expect(problem { $0.learningRate = 0 } == "training.learningRate: expected a number above 0, found 0.0")
    #expect(problem { $0.learningRate = .nan } != nil)
    #expect(problem { $0.momentum = 1 } != nil)
    #expect(problem { $0.weightDecay = -1 } != nil)
    #expect(problem { $0.batchSize = -1 } != nil)
    #expect(problem { $0.clipGradientNorm = 0 } == "training.clipGradientNorm: expected a number above 0, found 0.0")
    #expect(problem { $0.warmupSteps = 0 } == "training.warmupSteps: expected 1 to 1000000, found 0")
    #expect(problem { $0.epochs = 0 } == "training.epochs: expected 1 to 1000, found 0")
    #expect(
      problem {
        $0.optimizer = .adamw
        $0.momentum = 0.9
      } == "training.momentum: adamw has its own momentum")
  }
}
