/// The candidate that the fewest edits of single characters make of that word, if these are at most half of it.
///
/// For hints: a mistyped name is answered with the one that was probably meant.
public func nearest(_ word: String, in candidates: some Sequence<String>) -> String? {
  let lengthLimit = 100
  let letters = Array(word.lowercased())
  guard letters.count <= lengthLimit else { return nil }
  var best: (word: String, distance: Int)?
  for candidate in candidates where candidate.count <= lengthLimit {
    let distance = editDistance(letters, Array(candidate.lowercased()))
    if distance <= max(1, max(letters.count, candidate.count) / 2), distance < best?.distance ?? .max {
      best = (candidate, distance)
    }
  }
  return best?.word
}

/// Insertions, deletions and replacements, row by row of the usual table.
private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var row = Array(0...b.count)
  for i in a.indices {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (a[i] == b[j] ? 0 : 1))
      diagonal = row[j + 1]
      row[j + 1] = next
    }
  }
  return row[b.count]
}
