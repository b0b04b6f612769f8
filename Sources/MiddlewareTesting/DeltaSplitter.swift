/// Ways to cut a text into pieces, as a gateway might stream it. Cuts are between Unicode scalars, so that they also tear
/// characters apart.
public enum DeltaSplitter {
    /// The longest text, in Unicode scalars, that is cut in every way there is.
    public static let exhaustiveLength = 10

    /// A text of up to ``exhaustiveLength`` scalars in every way there is; a longer one whole, in two pieces at (up to 200)
    /// places, one scalar at a time, and in `random` random ways, which are the same for the same `seed`.
    public static func splits(of text: String, random: Int = 20, seed: UInt64 = 1) -> [[String]] {
        let scalars = Array(text.unicodeScalars)
        guard scalars.count > 1 else { return [[text]] }
        if scalars.count <= exhaustiveLength {
            return (0..<1 << (scalars.count - 1)).map { pattern in
                cut(scalars) { place in pattern & 1 << (place - 1) != 0 }
            }
        }
        var splits = [[text]]
        for place in stride(from: 1, to: scalars.count, by: scalars.count / 200 + 1) {
            splits.append(cut(scalars) { $0 == place })
        }
        splits.append(cut(scalars) { _ in true })
        var generator = SplitMix(state: seed)
        for _ in 0..<random {
            // From mostly long pieces to mostly short ones.
            let length = UInt64.random(in: 1...16, using: &generator)
            splits.append(cut(scalars) { _ in generator.next() % length == 0 })
        }
        return splits
    }

    /// - Parameter isCut: Whether the text is cut before the scalar with this index.
    private static func cut(_ scalars: [Unicode.Scalar], where isCut: (Int) -> Bool) -> [String] {
        var pieces: [String] = []
        var piece = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            if index > 0, isCut(index) {
                pieces.append(String(piece))
                piece = String.UnicodeScalarView()
            }
            piece.append(scalar)
        }
        return pieces + [String(piece)]
    }
}

/// Random numbers that are the same in every run (SplitMix64).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
