public import Federation

extension NodeHome {
  /// The plans of the runs that the coordinator works on or has queued, so that an owner can preview them.
  ///
  /// The coordinator learns that this node asked, and nothing else.
  public func offeredPlans() async throws(ParticipationError) -> [RunPlan] {
    do {
      let offers = try await credentials().connected { try await $0.offeredPlans() }
      return try offers.map { try RunPlan(canonicalBytes: $0.plan) }
    } catch let error as FederationError {
      throw .document(message: "the coordinator offers a plan that cannot be read: \(error)", hint: error.hint)
    } catch {
      throw ParticipationError(anyError: error)
    }
  }
}
