import Foundation
import SecureAggregation

extension Tributary_V1_Activity {
  init(_ activity: Activity) {
    switch activity {
    case .idle: idle = .init()
    case .working(let round, let fraction):
      working = .with {
        $0.roundID = round
        $0.fraction = fraction
      }
    case .waitingForOwner(let reason): waitingForOwner = .with { $0.reason = reason.oneLine }
    }
  }
}

extension Activity {
  init(_ message: Tributary_V1_Activity) throws(WireError) {
    let read = MessageReader("Activity")
    switch message.state {
    case nil, .idle: self = .idle
    case .working(let working):
      guard (0...1).contains(working.fraction) else {
        throw read.fault("fraction is \(working.fraction), expected 0 to 1")
      }
      self = .working(round: working.roundID, fraction: working.fraction)
    case .waitingForOwner(let waiting): self = .waitingForOwner(reason: try read.reason(waiting.reason, "reason"))
    }
  }
}

extension Tributary_V1_NextInstructionRequest {
  init(_ poll: Poll) {
    after = poll.after
    waitMilliseconds = poll.wait.wholeMilliseconds
    activity = Tributary_V1_Activity(poll.activity)
  }
}

extension Poll {
  init(_ message: Tributary_V1_NextInstructionRequest) throws(WireError) {
    self.init(
      after: try MessageReader("NextInstructionRequest").text(message.after, atMost: Limits.tokenBytes, "after"),
      wait: min(.milliseconds(Int64(message.waitMilliseconds)), Limits.longestWait),
      activity: try Activity(message.activity))
  }
}

extension Tributary_V1_Instruction {
  init(_ instruction: Instruction) {
    token = instruction.token
    roundID = instruction.roundID
    switch instruction.step {
    case .idle(let reconnectAfter):
      idle = .with { $0.reconnectAfterMilliseconds = reconnectAfter.wholeMilliseconds }
    case .advertise(let signed, let runPlan):
      advertise = .with {
        $0.plan = Tributary_V1_SignedRoundPlan(signed)
        $0.runPlan = Data(runPlan)
      }
    case .share(let roster): share = Tributary_V1_Roster(roster)
    case .collect(let roster): collect = Tributary_V1_Roster(roster)
    case .upload(let delivery): upload = Tributary_V1_ShareDelivery(delivery)
    case .confirm(let set): confirm = Tributary_V1_SurvivorSet(set)
    case .unmask(let quorum): unmask = Tributary_V1_Quorum(quorum)
    case .closed(let signed): closed = Tributary_V1_SignedRoundClose(signed)
    }
  }
}

extension Instruction {
  init(_ message: Tributary_V1_Instruction) throws(WireError) {
    let read = MessageReader("Instruction")
    let step: Step
    switch message.step {
    case nil: throw read.fault("it holds no step that this version knows")
    case .idle(let idle): step = .idle(reconnectAfter: .milliseconds(Int64(idle.reconnectAfterMilliseconds)))
    case .advertise(let advertise):
      let plan = try read.required(advertise.hasPlan, advertise.plan, "advertise.plan")
      let runPlan = try read.bytes(advertise.runPlan, atMost: Limits.planBytes, "advertise.run_plan")
      step = .advertise(try SignedRoundPlan(plan), runPlan: runPlan)
    case .share(let roster): step = .share(try Roster(roster))
    case .collect(let roster): step = .collect(try Roster(roster))
    case .upload(let delivery): step = .upload(try ShareDelivery(delivery))
    case .confirm(let set): step = .confirm(try SurvivorSet(set))
    case .unmask(let quorum): step = .unmask(try Quorum(quorum))
    case .closed(let signed): step = .closed(try SignedRoundClose(signed))
    }
    let token = try read.text(message.token, atMost: Limits.tokenBytes, "token")
    self.init(token: token, roundID: message.roundID, step: step)
  }
}

extension Tributary_V1_OfferedPlansReply.Offer {
  init(_ offer: OfferedPlan) {
    run = offer.run
    plan = Data(offer.plan)
    running = offer.isRunning
  }
}

extension OfferedPlan {
  init(_ message: Tributary_V1_OfferedPlansReply.Offer) throws(WireError) {
    let read = MessageReader("Offer")
    self.init(
      run: try read.name(message.run, "run"), plan: try read.bytes(message.plan, atMost: Limits.planBytes, "plan"),
      isRunning: message.running)
  }
}

extension BlobReference {
  init(_ message: Tributary_V1_BlobStatusRequest) throws(WireError) {
    let read = MessageReader("BlobStatusRequest")
    self.init(digest: try read.digest(message.digest, "digest"), size: try read.count(message.size, "size"))
  }
}

extension Duration {
  /// Rounded down to what a u32 of milliseconds can hold, from 0 on.
  var wholeMilliseconds: UInt32 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < 4_000_000 else { return 4_000_000_000 }
    return UInt32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}

extension String {
  /// At most 200 characters, with nothing in them that could forge a line of a table or a log.
  var oneLine: String { String(unicodeScalars.prefix(200)).printable }

  /// The same text with a space for each control character, which a terminal would obey.
  var printable: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }
}
