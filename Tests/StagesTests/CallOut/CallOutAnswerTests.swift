import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct CallOutAnswerTests {
    private func rejection(code: String?) throws -> Rejection? {
        var (message, context) = (Sample.chat(), Sample.context())
        do {
            try CallOutAnswer(verdict: .reject, code: code, message: "No.").apply(to: &message, &context)
        } catch let rejection as Rejection {
            return rejection
        }
        return nil
    }

    @Test(arguments: [nil, "a", "too_long", "house.rules-2", String(repeating: "x", count: 64)])
    func codesAreWords(code: String?) throws {
        #expect(try rejection(code: code) == Rejection(code: code ?? "rejected", message: "No."))
    }

    @Test(arguments: ["", "too long", "zu_läng", "a\nb", "a\"b", String(repeating: "x", count: 100_000)])
    func otherCodesAreAFailure(code: String) {
        #expect {
            try rejection(code: code)
        } throws: { error in
            "\(error)" == "it answered `reject` with a `code` that is none: 1 to 64 letters, digits, `_`, `-` and `.`"
        }
    }

    /// As what browsers send.
    @Test func controlCharactersAreTakenOut() throws {
        var (message, context) = (Sample.chat(), Sample.context())
        try CallOutAnswer(verdict: .replace, text: "a\0b\u{1B}[1m\tc\r\n").apply(to: &message, &context)
        #expect(message.text == "ab[1m\tc\r\n")
        #expect(throws: CallOutProblem.self) {
            try CallOutAnswer(verdict: .replace, text: "\0").apply(to: &message, &context)
        }
    }
}
