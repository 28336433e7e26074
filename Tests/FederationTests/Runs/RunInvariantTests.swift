import Federation
import Schemas
import SecureAggregation
import Testing

@Suite("Whatever happens, in whatever order")
struct RunInvariantTests {
  @Test("Replaying any prefix of the log gives the state that was live then")
  func replay() throws {
    var world = try RunWorld(plan: .scripted(rounds: 1), participants: 4)
    var live: [RunMachine] = [world.machine]
    func note(_ world: RunWorld) { while live.count <= world.log.count { live.append(world.machine) } }
    try world.settleNoting(note)
    // A round that is abandoned while collecting, and then everyone to the end.
    while world.machine.round?.phase != .collecting {
      for index in 0..<4 { try world.actNoting(index, note) }
    }
    world.now += 100
    try world.settleNoting(note)
    while !world.machine.standing.hasEnded {
      for index in 0..<4 { try world.actNoting(index, note) }
    }
    #expect(world.machine.standing == .finished)
    #expect(world.machine.records.contains { $0.reason != nil })
    #expect(live.count == world.log.count + 1)
    for count in 0...world.log.count {
      let replayed = try RunMachine(
        replaying: world.machine.submission, Array(world.log[..<count]), coordinator: world.signer.publicKey)
      #expect(replayed == live[count], "after \(count) events")
    }
  }

  @Test("The log without the messages of rounds that are over gives the same state")
  func replayAfterErasure() throws {
    var world = try RunWorld(plan: .scripted(rounds: 2), participants: 4)
    try world.run(until: .confirming)
    let opened = try #require(world.log.lastIndex { if case .roundOpened = $0 { true } else { false } })
    let kept = world.log[..<opened].filter { !RunEvent.kindsErasedAtClose.contains($0.kind) } + world.log[opened...]
    #expect(kept.count < world.log.count)
    let replayed = try RunMachine(
      replaying: world.machine.submission, Array(kept), coordinator: world.signer.publicKey)
    #expect(replayed == world.machine)
  }

  @Test(
    "Nothing is frozen twice, no sum is opened without its quorum, and every round closes or is abandoned",
    arguments: 0..<24)
  func randomEvents(seed: Int) throws {
    var random = SplitMix64(state: UInt64(seed))
    var world = try RunWorld(plan: .scripted(rounds: 2), participants: 5)
    var last: [Int: RoundMessage] = [:]
    for _ in 0..<400 where !world.machine.standing.hasEnded {
      let index = Int(random.next() % 5)
      switch random.next() % 16 {
      case 0: world.connected.remove(index)
      case 1, 2: world.connected.insert(index)
      case 3: world.now += Double(random.next() % 20)
      case 4:
        // A late repetition, refused or of no effect.
        if let message = last[index] {
          let before = world.machine
          if (try? world.deliver(message, from: index)) == nil { #expect(world.machine == before) }
        }
      case 5:
        // The coordinator is killed, and started again on its log.
        world.machine = try RunMachine(
          replaying: world.machine.submission, world.log, coordinator: world.signer.publicKey)
      default:
        guard world.connected.contains(index) else { continue }
        // A participant may refuse by its retry rule, or find itself left out.
        guard let message = try? world.message(from: index) else { continue }
        last[index] = message
        try world.deliver(message, from: index)
      }
      try world.settle()
    }
    for participant in world.participants { #expect(participant.ledger.attack == nil) }
    try check(world)

    // With everyone there, in the end the run ends.
    world.connected = [0, 1, 2, 3, 4]
    for _ in 0..<40 where !world.machine.standing.hasEnded {
      for index in 0..<5 { _ = try? world.act(index) }
      world.now += 25
      try world.settle()
    }
    #expect(world.machine.standing.hasEnded)
    try check(world)
  }

  private func check(_ world: RunWorld) throws {
    var frozen: Set<String> = []
    var confirmations = 0
    var roster = 0
    var isOpen = false
    for event in world.log {
      switch event {
      case .roundOpened:
        #expect(!isOpen, "a round was opened inside another")
        isOpen = true
        frozen = []
        (confirmations, roster) = (0, 0)
      case .round(.rosterFrozen), .round(.sharersFrozen), .round(.survivorsFrozen), .round(.confirmationsFrozen):
        #expect(frozen.insert(event.kind).inserted, "\(event.kind) twice under one plan")
        if case .round(.confirmationsFrozen) = event { #expect(confirmations >= 3) }
      case .round(.confirmation): confirmations += 1
      case .round(.advert): roster += 1
      case .roundClosed(let record):
        #expect(isOpen)
        isOpen = false
        let close = record.signedClose.close
        #expect(close.isOpened == (record.reason == nil))
        guard record.reason == nil else { continue }
        #expect(record.survivors.count >= 3)
        #expect(frozen.count == 4)
        try checkSum(record, world)
      default: break
      }
    }
    #expect(isOpen == (world.machine.round != nil))
  }

  /// What was opened is the sum over the survivors, and over nobody else.
  private func checkSum(_ record: RoundRecord, _ world: RunWorld) throws {
    let survivors = world.participants.filter { record.survivors.contains($0.name) }
    switch record.kind {
    case .counts:
      let expected = (0..<3).map { column in survivors.map { $0.counts.present[column] }.reduce(0, +) }
      #expect(try world.table(record.signedClose.close.modelOut).counts?.present == expected)
    case .update, .evaluation:
      #expect(record.signedClose.close.totalWeight == UInt64(survivors.map(\.rows).reduce(0, +)))
      #expect(record.metrics?.rows == 20 * survivors.count)
    case .moments: break
    }
  }
}

extension RoundClose {
  fileprivate var isOpened: Bool { outcome == .done }
}

extension RunWorld {
  fileprivate mutating func actNoting(_ index: Int, _ note: (RunWorld) -> Void) throws {
    guard let message = try message(from: index) else { return }
    guard let event = try machine.receive(message, round: machine.round?.roundID ?? 0, from: participants[index].peer)
    else { return }
    keep(message)
    try record(event)
    note(self)
    try settleNoting(note)
  }
}
