public import MiddlewareKit

/// The law of reply transforms: however a reply is cut into pieces, the same text comes out; and what belongs to one run
/// stays with it.
public enum TextLaw {
    /// How much of ordinary text a transform may keep back while a reply streams, in bytes.
    public static let allowance = 65_536

    /// The first way to cut `text` that gives another text than the whole does, in words; nil: there is none among
    /// ``DeltaSplitter/splits(of:random:seed:)``.
    ///
    /// - Parameter patience: How long the transform may take for a piece. Only one that hangs takes that long.
    public static func violation(
        of middleware: any Middleware, text: String, patience: Duration = .seconds(5)
    ) async -> String? {
        await Steps.watched(patience, orElse: standstill(patience, text)) { steps in
            do {
                let whole = try await VisibleReply.whole(middleware, [text], steps)
                for pieces in DeltaSplitter.splits(of: text) {
                    let joined = try await VisibleReply.whole(middleware, pieces, steps)
                    // `==` takes different spellings of a character for equal.
                    if !joined.utf8.elementsEqual(whole.utf8) {
                        return "the text law: \(shown(pieces)) gives \(shown(joined)), "
                            + "in one piece it gives \(shown(whole))"
                    }
                }
                return nil
            } catch {
                return "the text law: the transform threw \(error) for \(shown(text))"
            }
        }
    }

    /// What is said of a transform that hangs.
    static func standstill(_ patience: Duration, _ text: String) -> String {
        "the text law: the transform neither answered nor threw within \(patience.optionText) for \(shown(text))"
    }

    /// Whether the end of a reply never comes out: its last word is missing, and is there as soon as another one follows it.
    static func lossViolation(of middleware: any Middleware, _ steps: Steps) async throws -> String? {
        let words = ["alpha", "bravo", "charlie", "delta"]
        for separator in [" ", ". ", "\n", "\n\n"] {
            let texts = words.indices.map { words[...$0].joined(separator: separator) }
            var replies: [String] = []
            // Upper case is another word.
            for text in texts { replies.append(try await VisibleReply.whole(middleware, [text], steps).lowercased()) }
            let isLost = words.indices.dropLast().allSatisfy { index in
                !replies[index].contains(words[index]) && replies[index + 1].contains(words[index])
            }
            if isLost {
                return "`finish` does not let go of what was kept back: of \(shown(texts[1])) only "
                    + "\(shown(replies[1])) comes out, and “\(words[1])” does when more follows it"
            }
        }
        return nil
    }

    /// Whether two runs whose pieces come in turn disturb each other: one gets `text`, the other the same backwards.
    static func privacyViolation(
        of middleware: any Middleware, text: String, _ steps: Steps
    ) async throws -> String? {
        let scalars = text.unicodeScalars.map { String($0) }
        var replies = [
            VisibleReply(middleware, run: Sample.run("run-1"), steps: steps),
            VisibleReply(middleware, run: Sample.run("run-2", session: "agent:main:two"), steps: steps),
        ]
        for (forwards, backwards) in zip(scalars, scalars.reversed()) {
            try await replies[0].feed(forwards)
            try await replies[1].feed(backwards)
        }
        for (index, pieces) in [scalars, scalars.reversed()].enumerated() {
            try await replies[index].finish()
            let alone = try await VisibleReply.whole(middleware, pieces, steps)
            guard replies[index].text.utf8.elementsEqual(alone.utf8) else {
                return "runs disturb each other: each must get a transform of its own"
            }
        }
        return nil
    }

    /// Whether a long reply of ordinary words is held up until its end.
    static func allowanceViolation(of middleware: any Middleware, _ steps: Steps) async throws -> String? {
        let paragraph = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 100) + "\n\n"
        var reply = VisibleReply(middleware, run: Sample.run(), steps: steps)
        for _ in 0..<(4 * allowance / paragraph.utf8.count) { try await reply.feed(paragraph) }
        let before = reply.text.utf8.count
        try await reply.finish()
        let keptBack = reply.text.utf8.count - before
        return keptBack > allowance ? "a transform kept back \(keptBack) bytes of ordinary text until the end" : nil
    }

    private static func shown(_ pieces: [String]) -> String {
        pieces.count <= 8 ? "\(pieces)" : "\(pieces.prefix(8)) and \(pieces.count - 8) more pieces"
    }

    private static func shown(_ text: String) -> String {
        String(text.prefix(200)).debugDescription + (text.count > 200 ? "…" : "")
    }
}
