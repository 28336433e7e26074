import Federation
import Foundation
import Storage

/// One entry of the coordinator's log: everything that it must remember.
enum CoordinatorEvent: Sendable, Equatable {
  case participant(ParticipantRegistry.Event)
  /// - Parameter round: The identifier of the round that the event belongs to, if any.
  case run(String, round: UInt64?, RunEvent)
}

// The log keeps the kind, the run and the round beside the payload, which is JSON with sorted keys.

extension CoordinatorEvent {
  private static let participantKind = "participant"

  func stored(at now: Double) throws -> Event {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let time = Int64(now * 1000)
    return switch self {
    case .participant(let event):
      Event(kind: Self.participantKind, payload: Array(try encoder.encode(event)), timeMilliseconds: time)
    case .run(let run, let round, let event):
      Event(
        kind: event.kind, run: run, round: round, payload: Array(try encoder.encode(event)), timeMilliseconds: time)
    }
  }

  /// Nil for an event whose payload was erased when its round closed.
  init?(_ stored: StoredEvent) throws(CoordinationError) {
    guard !stored.isErased else { return nil }
    let event = stored.event
    do {
      let payload = Data(event.payload)
      if event.kind == Self.participantKind {
        self = .participant(try JSONDecoder().decode(ParticipantRegistry.Event.self, from: payload))
      } else if let run = event.run {
        self = .run(run, round: event.round, try JSONDecoder().decode(RunEvent.self, from: payload))
      } else {
        throw CoordinationError.damagedLog("event \(stored.sequence) is of the unknown kind \"\(event.kind)\"")
      }
    } catch let error as CoordinationError {
      throw error
    } catch {
      throw .damagedLog("event \(stored.sequence), \(event.kind), does not decode")
    }
  }

  /// The payloads that must go with this event: those of the round that it closes.
  var erasure: Erasure? {
    guard case .run(let run, let round?, .roundClosed) = self else { return nil }
    return Erasure(kinds: RunEvent.kindsErasedAtClose, run: run, round: round)
  }
}
