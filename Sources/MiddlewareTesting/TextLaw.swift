public import MiddlewareKit

/// The law of reply transforms: however a reply is cut into pieces, the same text comes out; and what belongs to one run
/// stays with it.
public enum TextLaw {
    /// How much of ordinary text a transform may keep back while a reply streams, in bytes.
    public static let allowance = 65_536

    /// The first way to cut `text` that gives another text than the whole does, in words; nil: there is none among
    /// ``DeltaSplitter/splits(of:random:seed:)``.
    public static func violation(of middleware: any Middleware, text: String) async -> String? {
        let harness = StageHarness(middleware)
        do {
            let whole = try await harness.stream([text])
            for pieces in DeltaSplitter.splits(of: text) {
                let joined = try await harness.stream(pieces)
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

    /// Whether two runs whose pieces come in turn disturb each other: one gets `text`, the other the same backwards.
    static func privacyViolation(of middleware: any Middleware, text: String) async throws -> String? {
        let scalars = text.unicodeScalars.map { String($0) }
        var replies = [
            VisibleReply(middleware, run: Sample.run("run-1")),
            VisibleReply(middleware, run: Sample.run("run-2", session: "agent:main:two")),
        ]
        for (forwards, backwards) in zip(scalars, scalars.reversed()) {
            try await replies[0].feed(forwards)
            try await replies[1].feed(backwards)
        }
        for (index, pieces) in [scalars, scalars.reversed()].enumerated() {
            try await replies[index].finish()
            let alone = try await StageHarness(middleware).stream(pieces)
            guard replies[index].text.utf8.elementsEqual(alone.utf8) else {
                return "runs disturb each other: each must get a transform of its own"
            }
        }
        return nil
    }

    /// Whether a long reply of ordinary words is held up until its end.
    static func allowanceViolation(of middleware: any Middleware) async throws -> String? {
        let paragraph = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 100) + "\n\n"
        var reply = VisibleReply(middleware, run: Sample.run())
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
