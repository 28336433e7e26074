/// One thing that a ``NodeLedger`` has learnt. A ledger is the fold of its changes, so that a file of them is the ledger,
/// and a round adds a few lines however much is remembered.
///
/// Each change holds the whole new state of what it is about: making one twice is making it once.
public enum LedgerChange: Codable, Sendable, Hashable {
  /// A plan was taken up: no roundID of this coordinator up to this one will be again.
  case tookUp(coordinator: String, roundID: UInt64)
  case pinned(Peer)
  case unpinned(name: String)
  /// A close was taken in; the chain that it ends, by ``NodeLedger/chainName(run:coordinator:)``.
  case closed(chain: String, CloseChain)
  /// A set was answered, or the owner has permitted one; the subject in hexadecimal digits.
  case answered(subject: String, AnsweredSubject)
  case locked(NodeLedger.RecordedAttack)
  case resumed
  /// An update was noised; the round by the coordinator's fingerprint and the roundID.
  case charged(round: String, PrivacyCharge)
}
