import Foundation

/// Words by their beginnings, so that thousands of them are looked for at once.
struct WordTree {
    struct Node {
        /// From a scalar to the node behind it.
        var ways: [UInt32: Int] = [:]
        var isEnd = false
    }

    /// The first one is the root.
    private(set) var nodes = [Node()]

    /// A word is found in both spellings of its accents: one scalar, or a letter and its mark.
    init(_ words: [String], ignoresCase: Bool) {
        for word in words {
            for spelling in [word.precomposedStringWithCanonicalMapping, word.decomposedStringWithCanonicalMapping] {
                insert(ignoresCase ? spelling.unicodeScalars.map(\.folded) : Array(spelling.unicodeScalars))
            }
        }
    }

    private mutating func insert(_ scalars: [Unicode.Scalar]) {
        var place = 0
        for scalar in scalars {
            if let next = nodes[place].ways[scalar.value] {
                place = next
            } else {
                nodes[place].ways[scalar.value] = nodes.count
                place = nodes.count
                nodes.append(Node())
            }
        }
        nodes[place].isEnd = true
    }
}
