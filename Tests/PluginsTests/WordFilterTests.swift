import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Plugins

@Suite struct WordFilterTests {
    private let harness = StageHarness(WordFilter(words: ["secret", "geheim"]))

    @Test(arguments: [
        ("no such word", "no such word"), ("a Secret plan", "a ****** plan"), ("secret", "******"),
        ("secretive", "secretive"), ("(secret)", "(******)"), ("GEHEIM!", "******!"), ("", ""),
    ])
    func wordsAreMaskedHoweverTheReplyIsCut(text: String, expected: String) async throws {
        for pieces in DeltaSplitter.splits(of: text) {
            #expect(try await harness.stream(pieces) == expected)
        }
    }

    @Test func messagesWithAWordAreRefused() async {
        #expect(await harness.send(Sample.chat("tell me the SECRET")).rejection?.code == "word_refused")
        #expect(await harness.send(Sample.chat("tell me")).message?.text == "tell me")
    }

    @Test func keepsThePromises() async {
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
    }

    @Test func isListedInTheCatalog() {
        #expect(CompiledInPlugins.all.contains { $0.kind == "word-filter" })
    }
}
