/// The word of a list that was likely meant, for "did you mean".
///
/// Capitals, `_` and `-` make no difference. Otherwise up to a third of the letters may be wrong, missing, too many or
/// swapped with their neighbour. The beginning of only one of
/// the words, from three letters on, stands for it: `warn` for `warning`.
package func nearestWord(to word: String, in words: some Sequence<String>) -> String? {
    let letters = comparable(word)
    guard letters.count <= 64 else { return nil }
    let near =
        words
        .map { (word: $0, distance: editDistance(letters, comparable($0))) }
        .filter { $0.distance <= max(1, letters.count / 3) }
        .min { $0.distance < $1.distance }
    if let near { return near.word }
    let longer = words.filter { letters.count >= 3 && comparable($0).starts(with: letters) }
    return longer.count == 1 ? longer[0] : nil
}

private func comparable(_ word: String) -> [Character] {
    word.lowercased().filter { $0 != "_" && $0 != "-" }.map { $0 }
}

/// The Damerau-Levenshtein distance, where no letter is changed twice ("optimal string alignment").
func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                best = min(best, beforeLast[j - 1] + 1)
            }
            row.append(best)
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
