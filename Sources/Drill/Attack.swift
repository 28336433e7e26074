import Documents

/// One way to break a simplified version of secure averaging, and what happens to it here.
public struct Attack: Sendable {
  /// As `tributary drill --attack` takes it.
  public let name: String
  /// The row of the attack table in docs/threat-model.md.
  public let row: String
  /// What would be lost if it succeeded.
  public let breaks: String
  /// What the scripted coordinator does, in words.
  public let does: String
  public let end: End
  let play: Play

  /// How an attack must end.
  public enum End: String, Sendable, Codable {
    /// Every honest participant that meets it refuses by name, and reveals nothing.
    case abort
    /// The participant's policy, or the coordinator, refuses by name, and the round goes on.
    case refused
    /// Something holds in every run.
    case property
    /// Masks cannot prevent it: something else bounds it.
    case limit
  }

  enum Play: Sendable {
    /// Against participants, over the wire; returns what must be seen of them.
    case abort(@Sendable (isolated ScriptedCoordinator) async throws -> Abort)
    /// The same, and the run must go on to its end afterwards.
    case refused(@Sendable (isolated ScriptedCoordinator) async throws -> Abort)
    /// Over the wire too, where the script itself looks whether it ended as stated.
    case judged(@Sendable (isolated ScriptedCoordinator) async throws -> Verdict)
    /// Without a cohort.
    case measured(@Sendable () throws -> Verdict)
    case limit(remains: String, bounds: String)
  }
}

extension Attack {
  /// Every row of the table, in its order.
  public static let all: [Attack] = [
    aliveAndDead, secondAnswer, splitSurvivors, mixedConfirmations, secondSharers, neighboursDead, replayedPlan,
    secondPlan, replayedAnswer, keysUsedOnce, substitutedKeys, substitutedIdentity, sybilCohort, oneOrganisation,
    chosenNeighbours, secondRoster, lowOrderPoints, unrelatedMasks, uniformLanes, uniformUploads, differingModels,
    foreignModel, craftedModel, denseUploads, membership, differencingRoster, differencingSurvivors, cohortChoice,
    lateUpload, malformedShare, malformedAnswer, integerWrap, weightOverflow, chosenParameters, unknownPlan, weakerPlan,
    droppedAnywhere,
  ]

  public static func named(_ name: String) throws(DrillError) -> Attack {
    guard let attack = all.first(where: { $0.name == name }) else {
      throw .unknownAttack(name, nearest: nearest(name, in: all.map(\.name)))
    }
    return attack
  }
}
