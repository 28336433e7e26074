public import Federation
public import SecureAggregation
import Storage

/// A finished run as `export` needs it: the final checkpoint and what proves where it comes from.
public struct FinishedRun: Sendable {
  public let run: String
  public let plan: RunPlan
  public let planDigest: Digest
  /// The safetensors file whose SHA-256 is `model`.
  public let checkpoint: [UInt8]
  public let model: Digest
  /// Every round of the run, oldest first, with its close under the coordinator's signature.
  public let rounds: [RoundRecord]
  public let coordinator: IdentityKey
  /// Training rounds that closed with a model.
  public let trainingRounds: Int
  /// The most participants whose update was in one round.
  public let mostParticipants: Int
  /// Of the models on the way, oldest first; the last one is the final model's.
  public let metrics: [RoundMetrics]
  public let droppedColumns: [String]
  /// Unix seconds.
  public let endedAt: Double
}

extension CoordinatorHome {
  /// Reads a finished run from the disk, whether or not a coordinator serves the home at the moment.
  ///
  /// - Parameter id: A run's identifier, or `last` for the newest finished one.
  /// - Throws: `.unknownRun`, `.notFinished`, `.noFinishedRun`.
  public func finishedRun(_ id: String = "last") async throws(CoordinationError) -> FinishedRun {
    let store: SQLiteEventStore
    do { store = try SQLiteEventStore(reading: eventsPath) } catch {
      throw .storage(message: error.description, suggestion: error.hint)
    }
    defer { try? store.close() }
    let state = try await replay(store, coordinator: try signer().publicKey)
    let runs = state.order.compactMap { state.runs[$0] }
    let run: RunMachine
    if id == "last" {
      guard let newest = runs.last(where: { $0.standing == .finished }) else { throw .noFinishedRun }
      run = newest
    } else {
      guard let named = state.runs[id] else { throw .unknownRun(id, known: state.order) }
      run = named
    }
    guard run.standing == .finished else { throw .notFinished(run: run.run, standing: run.standing.word) }
    return try finished(run)
  }

  private func finished(_ run: RunMachine) throws(CoordinationError) -> FinishedRun {
    let bytes: [UInt8]
    do { bytes = try blobs().bytes(of: run.model) } catch let error as StorageError {
      throw .storage(message: error.description, suggestion: error.hint)
    } catch {
      throw .making(error, path: blobsPath)
    }
    let training = run.records.filter { $0.kind == .update && $0.reason == nil }
    return FinishedRun(
      run: run.run, plan: run.plan, planDigest: run.planDigest, checkpoint: bytes, model: run.model,
      rounds: run.records,
      coordinator: run.coordinator, trainingRounds: training.count,
      mostParticipants: training.map(\.survivors.count).max() ?? 0, metrics: run.records.compactMap(\.metrics),
      droppedColumns: run.records.last { $0.droppedColumns != nil }?.droppedColumns ?? [], endedAt: run.endedAt ?? 0)
  }
}
