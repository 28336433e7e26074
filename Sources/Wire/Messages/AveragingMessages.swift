import Foundation
import SecureAggregation

// M0 to M4 and S0 to S3. The lengths of every key, digest and signature are checked here, and nothing else: what they must be
// is the averaging protocol's to judge.

/// The largest roster, and so the longest list in any message.
private let largestRoster = 255

extension Tributary_V1_SignedAdvert {
  init(_ signed: SignedAdvert) {
    advert = .with {
      $0.name = signed.advert.peer.name
      $0.organisation = signed.advert.peer.organisation
      $0.averagingKey = Data(signed.advert.peer.key.bytes)
      $0.planHash = Data(signed.advert.planHash.bytes)
      $0.shareKey = Data(signed.advert.shareKey)
      $0.maskKey = Data(signed.advert.maskKey)
      $0.commitment = Data(signed.advert.commitment.bytes)
      $0.nonce = Data(signed.advert.nonce)
    }
    signature = Data(signed.signature)
  }
}

extension SignedAdvert {
  init(_ message: Tributary_V1_SignedAdvert) throws(WireError) {
    let read = MessageReader("Advert")
    let advert = try read.required(message.hasAdvert, message.advert, "advert")
    self.init(
      advert: Advert(
        peer: Peer(
          name: try read.name(advert.name, "name"),
          organisation: try read.text(advert.organisation, atMost: Limits.organisationBytes, "organisation"),
          key: try read.key(advert.averagingKey, "averaging_key")),
        planHash: try read.digest(advert.planHash, "plan_hash"),
        shareKey: try read.bytes(advert.shareKey, count: 32, "share_key"),
        maskKey: try read.bytes(advert.maskKey, count: 32, "mask_key"),
        commitment: try read.digest(advert.commitment, "commitment"),
        nonce: try read.bytes(advert.nonce, count: 16, "nonce")),
      signature: try read.bytes(message.signature, count: 64, "signature"))
  }
}

extension Tributary_V1_Roster {
  init(_ roster: Roster) {
    adverts = roster.adverts.map(Tributary_V1_SignedAdvert.init)
  }
}

extension Roster {
  /// Keeps the order that was received, so that a wrong one is noticed.
  init(_ message: Tributary_V1_Roster) throws(WireError) {
    let adverts = try MessageReader("Roster").atMost(largestRoster, message.adverts, "adverts")
    self.init(received: try adverts.mapTyped { advert throws(WireError) in try SignedAdvert(advert) })
  }
}

extension Tributary_V1_RankSet {
  init(_ set: Bitmap) {
    capacity = UInt32(set.capacity)
    bits = Data(set.bytes)
  }
}

extension Bitmap {
  init(_ message: Tributary_V1_RankSet) throws(WireError) {
    let read = MessageReader("RankSet")
    guard message.capacity <= largestRoster else {
      throw read.fault("capacity is \(message.capacity), expected at most \(largestRoster)")
    }
    guard let set = Bitmap(bytes: [UInt8](message.bits), capacity: Int(message.capacity)) else {
      throw read.fault("\(message.bits.count) bytes are not a set of \(message.capacity) ranks")
    }
    self = set
  }
}

extension Tributary_V1_SealedShare {
  init(_ share: SealedShare) {
    rank = UInt32(share.rank)
    ciphertext = Data(share.ciphertext)
  }
}

extension SealedShare {
  init(_ message: Tributary_V1_SealedShare) throws(WireError) {
    let read = MessageReader("SealedShare")
    self.init(
      rank: try read.uint16(message.rank, "rank"),
      ciphertext: try read.bytes(message.ciphertext, count: Self.byteCount, "ciphertext"))
  }
}

extension Tributary_V1_ShareMessage {
  init(_ shares: ShareMessage) {
    rank = UInt32(shares.rank)
    self.shares = shares.shares.map(Tributary_V1_SealedShare.init)
  }
}

extension ShareMessage {
  init(_ message: Tributary_V1_ShareMessage) throws(WireError) {
    let read = MessageReader("ShareMessage")
    let shares = try read.atMost(largestRoster, message.shares, "shares")
    self.init(
      rank: try read.uint16(message.rank, "rank"),
      shares: try shares.mapTyped { share throws(WireError) in try SealedShare(share) })
  }
}

extension Tributary_V1_ShareDelivery {
  init(_ delivery: ShareDelivery) {
    sharers = Tributary_V1_RankSet(delivery.sharers)
    shares = delivery.shares.map(Tributary_V1_SealedShare.init)
  }
}

extension ShareDelivery {
  init(_ message: Tributary_V1_ShareDelivery) throws(WireError) {
    let read = MessageReader("ShareDelivery")
    let shares = try read.atMost(largestRoster, message.shares, "shares")
    self.init(
      sharers: try Bitmap(try read.required(message.hasSharers, message.sharers, "sharers")),
      shares: try shares.mapTyped { share throws(WireError) in try SealedShare(share) })
  }
}

extension Tributary_V1_UploadStatement {
  init(_ statement: UploadStatement) {
    rank = UInt32(statement.rank)
    digest = Data(statement.digest.bytes)
    unopened = Tributary_V1_RankSet(statement.unopened)
    signature = Data(statement.signature)
  }
}

extension UploadStatement {
  init(_ message: Tributary_V1_UploadStatement) throws(WireError) {
    let read = MessageReader("UploadStatement")
    self.init(
      rank: try read.uint16(message.rank, "rank"), digest: try read.digest(message.digest, "digest"),
      unopened: try Bitmap(try read.required(message.hasUnopened, message.unopened, "unopened")),
      signature: try read.bytes(message.signature, count: 64, "signature"))
  }
}

extension Tributary_V1_SurvivorSet {
  init(_ set: SurvivorSet) {
    sharers = Tributary_V1_RankSet(set.sharers)
    survivors = Tributary_V1_RankSet(set.survivors)
    root = Data(set.root.bytes)
    inclusionProof = set.inclusionProof.map { Data($0.bytes) }
  }
}

extension SurvivorSet {
  init(_ message: Tributary_V1_SurvivorSet) throws(WireError) {
    let read = MessageReader("SurvivorSet")
    let proof = try read.atMost(64, message.inclusionProof, "inclusion_proof")
    self.init(
      sharers: try Bitmap(try read.required(message.hasSharers, message.sharers, "sharers")),
      survivors: try Bitmap(try read.required(message.hasSurvivors, message.survivors, "survivors")),
      root: try read.digest(message.root, "root"),
      inclusionProof: try proof.mapTyped { node throws(WireError) in try read.digest(node, "inclusion_proof") })
  }
}

extension Tributary_V1_Confirmation {
  init(_ confirmation: Confirmation) {
    rank = UInt32(confirmation.rank)
    signature = Data(confirmation.signature)
  }
}

extension Confirmation {
  init(_ message: Tributary_V1_Confirmation) throws(WireError) {
    let read = MessageReader("Confirmation")
    self.init(
      rank: try read.uint16(message.rank, "rank"),
      signature: try read.bytes(message.signature, count: 64, "signature"))
  }
}

extension Tributary_V1_Quorum {
  init(_ quorum: Quorum) {
    survivorsHash = Data(quorum.survivorsHash.bytes)
    confirmations = quorum.confirmations.map(Tributary_V1_Confirmation.init)
  }
}

extension Quorum {
  init(_ message: Tributary_V1_Quorum) throws(WireError) {
    let read = MessageReader("Quorum")
    let confirmations = try read.atMost(largestRoster, message.confirmations, "confirmations")
    self.init(
      survivorsHash: try read.digest(message.survivorsHash, "survivors_hash"),
      confirmations: try confirmations.mapTyped { entry throws(WireError) in try Confirmation(entry) })
  }
}

extension Tributary_V1_UnmaskAnswer {
  init(_ answer: UnmaskAnswer) {
    rank = UInt32(answer.rank)
    entries = answer.entries.map { entry in
      .with {
        $0.rank = UInt32(entry.rank)
        $0.ofSelfMask = entry.ofSelfMask
        $0.share = Data(entry.share)
      }
    }
  }
}

extension UnmaskAnswer {
  init(_ message: Tributary_V1_UnmaskAnswer) throws(WireError) {
    let read = MessageReader("UnmaskAnswer")
    let entries = try read.atMost(largestRoster, message.entries, "entries")
    self.init(
      rank: try read.uint16(message.rank, "rank"),
      entries: try entries.mapTyped { entry throws(WireError) in
        RevealedShare(
          rank: try read.uint16(entry.rank, "entries.rank"), ofSelfMask: entry.ofSelfMask,
          share: try read.bytes(entry.share, count: 32, "entries.share"))
      })
  }
}
