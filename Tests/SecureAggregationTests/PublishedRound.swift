import Foundation
import Testing

@testable import SecureAggregation

/// One round of `protocols/vectors`, as it is written there; protocols/vectors/README.md says what each field is.
struct PublishedRound: Decodable {
  struct Plan: Decodable {
    var kind: String
    var run: String
    var roundID: UInt64
    var minimumSurvivors: UInt16
    var assumedColluders: UInt16
    var maximumLost: UInt16
    var targetError: Double
    var clipNorm: Double
    var dimension: UInt32
    var maximumWeight: UInt32
    var weightRule: UInt8
    var tailLanes: UInt32
    var metricScale: Double
    var privacy: String
    var trainer: Hex
    var modelIn: Hex
    var gridClose: Hex
    var deadlineSeconds: UInt64
    var protocolVersion: UInt16
  }
  struct Shape: Decodable {
    var bits: Int
    var lanes: Int
    var tail: Int
    var statistics: Int
  }
  struct Member: Decodable {
    var name: String
    var organisation: String
    var identitySeed: Hex
    var roundSeed: Hex
  }
  struct Losses: Decodable {
    var beforeShares: [Int]
    var beforeUpload: [Int]
    var beforeConfirmation: [Int]
    var beforeAnswer: [Int]
  }
  struct Advert: Decodable {
    var name: String
    var organisation: String
    var identityKey: Hex
    var planHash: Hex
    var shareKey: Hex
    var maskKey: Hex
    var commitment: Hex
    var nonce: Hex
    var signature: Hex
  }
  struct Sealed: Decodable {
    var rank: UInt16
    var ciphertext: Hex
  }
  struct Shares: Decodable {
    var rank: UInt16
    var shares: [Sealed]
  }
  struct Upload: Decodable {
    var rank: UInt16
    var digest: Hex
    var unopened: Hex
    var signature: Hex
    var payload: Pinned
  }
  struct Confirmation: Decodable {
    var rank: UInt16
    var signature: Hex
  }
  struct Entry: Decodable {
    var rank: UInt16
    var ofSelfMask: Bool
    var share: Hex
  }
  struct Answer: Decodable {
    var rank: UInt16
    var entries: [Entry]
  }
  struct Lanes: Decodable {
    var vector: Pinned
    var tail: Pinned
    var statistics: Pinned
  }
  struct Close: Decodable {
    var run: String
    var roundID: UInt64
    var planHash: Hex
    var rosterRoot: Hex
    var survivorsHash: Hex
    var modelIn: Hex
    var modelOut: Hex
    var meanNorm: Double
    var totalWeight: UInt64
    var survivors: UInt16
    var outcome: UInt8
  }

  var name: String
  var coordinatorSeed: Hex
  var plan: Plan
  var planBytes: Hex
  var planHash: Hex
  var planSignature: Hex
  var shape: Shape
  var members: [Member]
  var losses: Losses
  var spoilt: [[Int]]
  var lying: [Int]
  var adverts: [Advert]
  var rosterRoot: Hex
  var transcript: Hex
  var threshold: Int
  var minimumSurvivors: Int
  var shares: [Shares]
  var sharers: Hex
  var inputs: [Lanes]
  var uploads: [Upload]
  var survivors: Hex
  var uploadsRoot: Hex
  var inclusionProofs: [[Hex]]
  var survivorsHash: Hex
  var confirmations: [Confirmation]
  var answers: [Answer]
  var wrongShares: [String]
  var sum: Lanes
  var close: Close
  var closeBytes: Hex
  var closeHash: Hex
  var closeSignature: Hex
}

/// Bytes as hexadecimal digits.
struct Hex: Decodable, Equatable {
  var bytes: [UInt8]

  init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    bytes = try #require([UInt8](hexadecimal: text))
  }

  var digest: Digest { Digest(bytes: bytes)! }
}

/// Bytes in full, or by their number, their SHA-256 and both ends.
struct Pinned: Decodable {
  var bytes: Hex?
  var count: Int?
  var sha256: Hex?
  var first: Hex?
  var last: Hex?

  func matches(_ found: [UInt8]) -> Bool {
    if let bytes { return found == bytes.bytes }
    return found.count == count && Primitives.sha256(found) == sha256?.bytes
      && Array(found.prefix(32)) == first?.bytes && Array(found.suffix(32)) == last?.bytes
  }
}

/// Reads a file of `protocols/vectors`.
func published<T: Decodable>(_ name: String, as _: [T].Type) throws -> [T] {
  let folder = URL(filePath: #filePath).appending(path: "../../../protocols/vectors").standardized
  return try JSONDecoder().decode([T].self, from: Data(contentsOf: folder.appending(path: name + ".json")))
}

extension Array where Element: FixedWidthInteger {
  /// Each lane little-endian.
  var littleEndianBytes: [UInt8] { map(\.littleEndian).withUnsafeBytes { Array<UInt8>($0) } }
}

// As the values of this implementation

extension PublishedRound {
  var roundPlan: RoundPlan {
    let kinds: [String: RoundKind] = [
      "update": .update, "counts": .counts, "moments": .moments, "evaluation": .evaluation,
    ]
    return RoundPlan(
      protocolVersion: plan.protocolVersion, kind: kinds[plan.kind]!, run: plan.run, roundID: plan.roundID,
      minimumSurvivors: plan.minimumSurvivors, assumedColluders: plan.assumedColluders, maximumLost: plan.maximumLost,
      targetError: plan.targetError, clipNorm: plan.clipNorm, dimension: plan.dimension,
      maximumWeight: plan.maximumWeight, weightRule: plan.weightRule, tailLanes: plan.tailLanes,
      metricScale: plan.metricScale, privacy: plan.privacy, trainer: plan.trainer.digest,
      modelIn: plan.modelIn.digest, gridClose: plan.gridClose.digest, deadlineSeconds: plan.deadlineSeconds)
  }

  /// What a member masks: keystreams of SHA-256("round/member/part"), cut to the lanes' widths.
  func input(_ rank: Int) throws -> MaskedInput {
    func words<Word: FixedWidthInteger>(_ part: String, _ count: Int) throws -> [Word] {
      let key = Primitives.sha256(Array("\(name)/\(members[rank].name)/\(part)".utf8))
      let width = MemoryLayout<Word>.size
      let stream = try Primitives.keystream(key: key, count: width * count)
      return stream.withUnsafeBytes { bytes in
        (0..<count).map { Word(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * width, as: Word.self)) }
      }
    }
    let mask: UInt32 = shape.bits == 32 ? .max : 1 << UInt32(shape.bits) - 1
    var tail: [UInt32] = try words("tail", shape.tail)
    if !tail.isEmpty { tail[0] = 1 + tail[0] % plan.maximumWeight }
    return MaskedInput(
      vector: try words("vector", shape.lanes).map { $0 & mask }, tail: tail,
      statistics: try words("statistics", shape.statistics))
  }

  /// The round's coordinator and members, before the first message.
  func rehearsal() throws -> Rehearsal {
    let signers = try members.map { try IdentitySigner(seed: $0.identitySeed.bytes) }
    var rehearsal = try Rehearsal(
      members.count, plan: roundPlan, bits: shape.bits, lanes: shape.lanes, coordinatorSeed: coordinatorSeed.bytes)
    for (rank, member) in members.enumerated() {
      rehearsal.members[rank].signer = signers[rank]
      rehearsal.members[rank].peer = Peer(
        name: member.name, organisation: member.organisation, key: signers[rank].publicKey)
      rehearsal.members[rank].seed = Secret(member.roundSeed.bytes)
      rehearsal.members[rank].input = try input(rank)
    }
    return rehearsal
  }

  var roundClose: RoundClose {
    RoundClose(
      run: close.run, roundID: close.roundID, planHash: close.planHash.digest, rosterRoot: close.rosterRoot.digest,
      survivorsHash: close.survivorsHash.digest, modelIn: close.modelIn.digest, modelOut: close.modelOut.digest,
      meanNorm: close.meanNorm, totalWeight: close.totalWeight, survivors: close.survivors,
      outcome: RoundOutcome(rawValue: close.outcome)!)
  }
}

extension PublishedRound.Advert {
  var signed: SignedAdvert {
    SignedAdvert(
      advert: Advert(
        peer: Peer(name: name, organisation: organisation, key: IdentityKey(bytes: identityKey.bytes)!),
        planHash: planHash.digest, shareKey: shareKey.bytes, maskKey: maskKey.bytes, commitment: commitment.digest,
        nonce: nonce.bytes),
      signature: signature.bytes)
  }
}

extension PublishedRound.Shares {
  var message: ShareMessage { ShareMessage(rank: rank, shares: shares.map(\.message)) }
}

extension PublishedRound.Sealed {
  var message: SealedShare { SealedShare(rank: rank, ciphertext: ciphertext.bytes) }
}

extension PublishedRound.Confirmation {
  var message: SecureAggregation.Confirmation {
    SecureAggregation.Confirmation(rank: rank, signature: signature.bytes)
  }
}

extension PublishedRound.Answer {
  var message: UnmaskAnswer {
    UnmaskAnswer(
      rank: rank,
      entries: entries.map { RevealedShare(rank: $0.rank, ofSelfMask: $0.ofSelfMask, share: $0.share.bytes) })
  }
}
