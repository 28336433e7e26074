import Foundation
import SecureAggregation

extension Tributary_V1_RoundKind {
  init(_ kind: RoundKind) {
    switch kind {
    case .update: self = .update
    case .counts: self = .counts
    case .moments: self = .moments
    case .evaluation: self = .evaluation
    }
  }

  var domain: RoundKind? {
    switch self {
    case .update: .update
    case .counts: .counts
    case .moments: .moments
    case .evaluation: .evaluation
    case .UNRECOGNIZED: nil
    }
  }
}

extension Tributary_V1_RoundPlan {
  init(_ plan: RoundPlan) {
    protocolVersion = UInt32(plan.protocolVersion)
    kind = Tributary_V1_RoundKind(plan.kind)
    run = plan.run
    roundID = plan.roundID
    minimumSurvivors = UInt32(plan.minimumSurvivors)
    assumedColluders = UInt32(plan.assumedColluders)
    maximumLost = UInt32(plan.maximumLost)
    targetError = plan.targetError
    clipNorm = plan.clipNorm
    dimension = plan.dimension
    maximumWeight = plan.maximumWeight
    weightRule = Tributary_V1_WeightRule(rawValue: Int(plan.weightRule)) ?? .uniform
    tailLanes = plan.tailLanes
    metricScale = plan.metricScale
    privacy = plan.privacy
    trainer = Data(plan.trainer.bytes)
    modelIn = Data(plan.modelIn.bytes)
    gridClose = Data(plan.gridClose.bytes)
    deadlineSeconds = plan.deadlineSeconds
  }
}

extension RoundPlan {
  /// Reads the fields; whether a round can be run by the plan is the protocol's to judge (`validate`).
  init(_ message: Tributary_V1_RoundPlan) throws(WireError) {
    let read = MessageReader("RoundPlan")
    let weightRule: UInt8? =
      switch message.weightRule {
      case .uniform: 0
      case .examples: 1
      case .UNRECOGNIZED: nil
      }
    self.init(
      protocolVersion: try read.uint16(message.protocolVersion, "protocol_version"),
      kind: try read.known(message.kind.domain, "kind", raw: message.kind.rawValue),
      run: try read.name(message.run, "run"), roundID: message.roundID,
      minimumSurvivors: try read.uint16(message.minimumSurvivors, "minimum_survivors"),
      assumedColluders: try read.uint16(message.assumedColluders, "assumed_colluders"),
      maximumLost: try read.uint16(message.maximumLost, "maximum_lost"), targetError: message.targetError,
      clipNorm: message.clipNorm, dimension: message.dimension, maximumWeight: message.maximumWeight,
      weightRule: try read.known(weightRule, "weight_rule", raw: message.weightRule.rawValue),
      tailLanes: message.tailLanes, metricScale: message.metricScale,
      privacy: try read.name(message.privacy, "privacy"),
      trainer: try read.digest(message.trainer, "trainer"), modelIn: try read.digest(message.modelIn, "model_in"),
      gridClose: try read.digest(message.gridClose, "grid_close"), deadlineSeconds: message.deadlineSeconds)
  }
}

extension Tributary_V1_SignedRoundPlan {
  init(_ signed: SignedRoundPlan) {
    plan = Tributary_V1_RoundPlan(signed.plan)
    signature = Data(signed.signature)
  }
}

extension SignedRoundPlan {
  init(_ message: Tributary_V1_SignedRoundPlan) throws(WireError) {
    let read = MessageReader("SignedRoundPlan")
    self.init(
      plan: try RoundPlan(try read.required(message.hasPlan, message.plan, "plan")),
      signature: try read.bytes(message.signature, count: 64, "signature"))
  }
}

extension Tributary_V1_RoundClose {
  init(_ close: RoundClose) {
    run = close.run
    roundID = close.roundID
    planHash = Data(close.planHash.bytes)
    rosterRoot = Data(close.rosterRoot.bytes)
    survivorsHash = Data(close.survivorsHash.bytes)
    modelIn = Data(close.modelIn.bytes)
    modelOut = Data(close.modelOut.bytes)
    meanNorm = close.meanNorm
    totalWeight = close.totalWeight
    survivors = UInt32(close.survivors)
    outcome =
      switch close.outcome {
      case .done: .done
      case .abandoned: .abandoned
      case .alarm: .alarm
      }
  }
}

extension RoundClose {
  init(_ message: Tributary_V1_RoundClose) throws(WireError) {
    let read = MessageReader("RoundClose")
    let outcome: RoundOutcome? =
      switch message.outcome {
      case .done: .done
      case .abandoned: .abandoned
      case .alarm: .alarm
      case .UNRECOGNIZED: nil
      }
    self.init(
      run: try read.name(message.run, "run"), roundID: message.roundID,
      planHash: try read.digest(message.planHash, "plan_hash"),
      rosterRoot: try read.digest(message.rosterRoot, "roster_root"),
      survivorsHash: try read.digest(message.survivorsHash, "survivors_hash"),
      modelIn: try read.digest(message.modelIn, "model_in"), modelOut: try read.digest(message.modelOut, "model_out"),
      meanNorm: message.meanNorm, totalWeight: message.totalWeight,
      survivors: try read.uint16(message.survivors, "survivors"),
      outcome: try read.known(outcome, "outcome", raw: message.outcome.rawValue))
  }
}

extension Tributary_V1_SignedRoundClose {
  init(_ signed: SignedRoundClose) {
    close = Tributary_V1_RoundClose(signed.close)
    signature = Data(signed.signature)
  }
}

extension SignedRoundClose {
  init(_ message: Tributary_V1_SignedRoundClose) throws(WireError) {
    let read = MessageReader("SignedRoundClose")
    self.init(
      close: try RoundClose(try read.required(message.hasClose, message.close, "close")),
      signature: try read.bytes(message.signature, count: 64, "signature"))
  }
}
