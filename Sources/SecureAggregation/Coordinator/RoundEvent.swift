/// What a coordinator records, in order, so that a restarted one comes to the same round again.
///
/// An upload's vector is not in its event: it is kept elsewhere under the statement's digest, made durable before the
/// event is recorded, and read again by ``CoordinatorRound/unmask(upload:)``. Frozen sets carry what they froze, so that a
/// replay which would freeze another set is noticed instead of shown to participants.
public enum RoundEvent: Hashable, Codable, Sendable {
  case advert(SignedAdvert)
  case rosterFrozen(shape: VectorShape, root: Digest)
  case shares(ShareMessage)
  case sharersFrozen(Bitmap)
  case upload(UploadStatement)
  case survivorsFrozen(Bitmap, hash: Digest)
  case confirmation(Confirmation)
  case confirmationsFrozen
  case answer(UnmaskAnswer)
}
