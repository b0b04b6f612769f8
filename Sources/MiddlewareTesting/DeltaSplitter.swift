/// Ways to cut a text into pieces, as a gateway might stream it. Cuts are between Unicode scalars, so that they also tear
/// characters apart.
public enum DeltaSplitter {
    /// The text whole, one scalar at a time, in two pieces at every place, and in `random` random ways.
    public static func splits(of text: String, random: Int = 20, seed: UInt64 = 1) -> [[String]] {
        let scalars = Array(text.unicodeScalars)
        guard scalars.count > 1 else { return [[text]] }
        var splits = [[text], scalars.map { String($0) }]
        for place in 1..<scalars.count where scalars.count <= 200 {
            splits.append([string(scalars[..<place]), string(scalars[place...])])
        }
        var generator = SplitGenerator(state: seed)
        for _ in 0..<random {
            var pieces: [String] = []
            var rest = scalars[...]
            while !rest.isEmpty {
                let count = min(rest.count, Int(generator.next() % 8) + 1)
                pieces.append(string(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            splits.append(pieces)
        }
        return splits
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }
}

/// A linear congruential generator: the same pieces at every run.
private struct SplitGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
}
