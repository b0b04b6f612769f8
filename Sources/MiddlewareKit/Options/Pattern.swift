/// A text in which `*` stands for any run of characters.
package struct Pattern: Sendable, Hashable {
    private let pieces: [[UInt8]]

    package init(_ text: String) {
        pieces = text.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    /// Takes time in the length of the text times the length of the pattern at most.
    package func matches(_ text: String) -> Bool {
        let text = Array(text.utf8)
        guard let first = pieces.first, let last = pieces.last, pieces.count > 1 else { return pieces == [text] }
        guard text.count >= first.count + last.count, text.starts(with: first) else { return false }
        guard text.suffix(last.count).elementsEqual(last) else { return false }
        // The middle pieces may stand anywhere between the ends; the leftmost place for each leaves most room.
        var rest = text[first.count..<(text.count - last.count)]
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let place = rest.indices.first(where: { rest[$0...].starts(with: piece) }) else { return false }
            rest = rest[(place + piece.count)...]
        }
        return true
    }
}
