/// What `--json` prints, read as a script would: nothing of the program's own code is used.

struct RunAnswer: Decodable {
  var run: String
  private var standing: Standing
  var roundsClosed: Int
  var current: RoundAnswer?
  var metrics: [Metrics]
  var abandoned: [Abandoned]
  var model: String?

  private struct Standing: Decodable {
    var state: String
    var reason: String?
  }

  struct Metrics: Decodable {
    var model: String
    var rows: Int
    var survivors: Int
    var meanLoss: Double?
  }

  struct Abandoned: Decodable { var number: Int }

  var isFinished: Bool { standing.state == "finished" }
  var hasEnded: Bool { standing.state != "queued" && standing.state != "running" }
}

struct RoundAnswer: Decodable {
  var roundID: UInt64
  var number: Int
  var phase: Phase
  var answered: [String]
  var waitingFor: [Late]

  struct Late: Decodable { var name: String }

  enum Phase: String, Decodable, CaseIterable { case gathering, sharing, collecting, confirming, unmasking }
}

struct InvitationAnswer: Decodable {
  var line: String
  /// Unix seconds.
  var expires: Double
}

struct ParticipantAnswer: Decodable {
  var name: String
  var organisation: String
  var membership: String
  var present: Bool
  var lastSeen: Double?
}

/// What a node's own status says.
struct NodeAnswer: Decodable {
  var left: Bool
  var locked: String?
  var runs: [Run]

  struct Run: Decodable {
    var run: String
    var finished: Bool
  }
}

/// An error under `--json`, on standard error.
struct FailureAnswer: Decodable, Equatable {
  var error: String
  var hint: String?
  var status: Int32
}
