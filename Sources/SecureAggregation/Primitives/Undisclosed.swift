// What holds key material, or numbers that only a mask hides, prints its size and nothing else: in a message, to a debugger
// and to reflection, of itself and so of everything that it is part of. `Secret`, `IdentitySigner` and `ParticipantRound`
// say the same beside their declarations.

extension MaskedInput: CustomStringConvertible, CustomReflectable {
  public var description: String { "input of \(vector.count), \(tail.count) and \(statistics.count) lanes" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension MaskedLanes: CustomStringConvertible, CustomReflectable {
  var description: String { "\(shape.count), \(shape.tailLanes) and \(shape.statisticLanes) lanes" }
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension RoundKeys: CustomStringConvertible, CustomReflectable {
  var description: String { "keys of a round" }
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension MaskKeys: CustomStringConvertible, CustomReflectable {
  var description: String { "keys of a mask" }
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension ShamirSharing.Share: CustomStringConvertible, CustomReflectable {
  var description: String { "share of \(bytes.count) bytes at \(point)" }
  var customMirror: Mirror { Mirror(self, children: []) }
}

extension SecretRecovery.Recovered: CustomStringConvertible, CustomReflectable {
  var description: String { "secret of \(secret.count) bytes, \(wrong.count) shares wrong" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
