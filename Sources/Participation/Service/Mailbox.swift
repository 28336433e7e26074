import SecureAggregation
import Wire

/// Hands instructions from the ear to the worker: every close, and of the rest only the newest.
///
/// While the worker trains, the coordinator may go on. An instruction that a later one has overtaken is of no use, but a
/// close ends a round's secrets and so is never dropped.
actor Mailbox {
  private var closes: [Instruction] = []
  private var newest: Instruction?
  /// An instruction that waits for the owner.
  private var parked: Instruction?
  private var waiting: CheckedContinuation<Void, Never>?
  private var closed = false

  /// Puts an instruction in.
  func deliver(_ instruction: Instruction) {
    if case .closed = instruction.step {
      closes.append(instruction)
      // Whatever waits belongs to the round that has just ended, or to one before it.
      if let round = newest?.roundID, round <= instruction.roundID { newest = nil }
    } else {
      newest = instruction
    }
    if let parked, parked.roundID <= instruction.roundID { self.parked = nil }
    wake()
  }

  /// Keeps an instruction that was refused for a reason that the owner can remove.
  func park(_ instruction: Instruction) { parked = instruction }

  /// Something of the owner's has changed: the instruction that waited is looked at again, unless a newer one has come.
  func unpark() {
    guard let instruction = parked else { return }
    parked = nil
    if newest == nil {
      newest = instruction
      wake()
    }
  }

  /// No more instructions come: `next` returns `nil` once what is there has been taken.
  func close() {
    closed = true
    wake()
  }

  /// Whether something newer than the instruction in hand has come, so that repeating a failed call is of no use.
  var hasNewer: Bool { closed || newest != nil || !closes.isEmpty }

  /// Waits for an instruction: closes first, in their order.
  func next() async -> Instruction? {
    while true {
      if !closes.isEmpty { return closes.removeFirst() }
      if let instruction = newest {
        newest = nil
        return instruction
      }
      if closed { return nil }
      await withCheckedContinuation { waiting = $0 }
    }
  }

  private func wake() {
    waiting?.resume()
    waiting = nil
  }
}
