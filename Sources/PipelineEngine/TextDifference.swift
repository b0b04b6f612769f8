/// What makes one text of another: the part between what they have in common at the beginning and at the end.
package struct TextDifference: Sendable, Hashable {
    /// How many characters (Unicode scalars) come before it.
    package let at: Int
    package let removed: String
    package let added: String

    /// Nil when the texts are the same.
    package init?(from old: String, to new: String) {
        guard !old.utf8.elementsEqual(new.utf8) else { return nil }
        let (old, new) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
        let shorter = min(old.count, new.count)
        var start = 0
        while start < shorter, old[start] == new[start] { start += 1 }
        var end = 0
        while end < shorter - start, old[old.count - 1 - end] == new[new.count - 1 - end] { end += 1 }
        at = start
        removed = Self.text(old[start..<(old.count - end)])
        added = Self.text(new[start..<(new.count - end)])
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        String(String.UnicodeScalarView(scalars))
    }
}
