// What the engine costs, how long conditions take, and thinking-strip for texts that are made to be slow. Linear time shows as
// the same ns a byte for each size.
//
//   swift run -c release StageBenchmarks
import MiddlewareKit
import Stages

let texts: [(name: String, piece: String)] = [
    ("plain words", "some words of an answer, "),
    ("blocks", "<think>hidden</think> shown "),
    ("tags that never open", "<think <think"),
    ("angle brackets", "<"),
    ("backticks of all lengths", "` `` ``` ```` "),
    ("orphan closing tags", "a </think> "),
    ("nested opening tags", "<think>"),
    ("attributes without end", "<think a=b "),
]

/// Nanoseconds for a text whole and for the same text in small pieces.
func measure(_ text: String) -> (whole: Double, pieces: Double) {
    let clock = ContinuousClock()
    let whole = clock.measure {
        var filter = ThinkingFilter()
        _ = filter.feed(text[...])
        _ = filter.finish()
    }
    let pieces = clock.measure {
        var filter = ThinkingFilter()
        var rest = text.utf8[...]
        while !rest.isEmpty {
            _ = filter.feed(Substring(rest.prefix(40)))
            rest = rest.dropFirst(40)
        }
        _ = filter.finish()
    }
    return (whole / .nanoseconds(1), pieces / .nanoseconds(1))
}

try await measureEngine()
await measureConditions()
print("text, size: ns a byte whole, ns a byte in pieces of 40 bytes")
for (name, piece) in texts {
    for kilobytes in [256, 512, 1024] {
        let text = String(repeating: piece, count: kilobytes * 1024 / piece.utf8.count)
        let (whole, pieces) = measure(text)
        let bytes = Double(text.utf8.count)
        let figures = [whole, pieces].map { "\(($0 / bytes * 10).rounded() / 10)" }
        print("\(name), \(kilobytes) KiB: \(figures.joined(separator: ", "))")
    }
}
