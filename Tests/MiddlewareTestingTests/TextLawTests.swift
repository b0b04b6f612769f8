import MiddlewareKit
import MiddlewareTesting
import Testing

@Suite struct TextLawTests {
    @Test func theFirstBreachIsDescribed() async {
        let breach = await TextLaw.violation(of: Rewriting { MarksPieces() }, text: "ab")
        #expect(breach == #"the text law: ["a", "b"] gives "|a|b", in one piece it gives "|ab""#)
    }

    @Test func noBreachIsNil() async {
        #expect(await TextLaw.violation(of: Rewriting { Shouts() }, text: "Straße 👩‍👩‍👧 and more") == nil)
        #expect(await TextLaw.violation(of: PassThrough(), text: "a") == nil)
    }

    @Test func bytesCountAndNotOnlyHowTheyLook() async {
        #expect(await TextLaw.violation(of: Rewriting { Composes() }, text: "e\u{301}") != nil)
    }

    @Test func whatATransformThrowsIsABreach() async {
        #expect(await TextLaw.violation(of: FailsToAwait(), text: "a")?.contains("threw") == true)
    }
}

/// Writes é as one scalar when its parts come in one piece.
private struct Composes: ReplyTransform {
    mutating func feed(_ text: Substring) -> TextChange { .append(text == "é" ? "\u{E9}" : String(text)) }
    mutating func finish() -> TextChange { .append("") }
}

private struct FailsToAwait: Middleware {
    struct Broken: AsyncReplyTransform, Error {
        mutating func feed(_ text: Substring) async throws -> TextChange { throw self }
        mutating func finish() async throws -> TextChange { throw self }
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .awaiting(Broken()) }
}
