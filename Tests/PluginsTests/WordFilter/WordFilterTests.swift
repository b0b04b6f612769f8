import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Plugins

@Suite struct WordFilterTests {
    private let harness = StageHarness(WordFilter(words: ["secret", "Geheim", "café"]))

    @Test(arguments: [
        ("no such word", "no such word"), ("a Secret plan", "a ****** plan"), ("secret", "******"),
        ("secretive", "secretive"), ("topsecret", "topsecret"), ("(secret)", "(******)"), ("GEHEIM!", "******!"),
        ("secret secret\nsecret", "****** ******\n******"), ("Café, cafe\u{301} and cafe", "****, **** and cafe"),
        ("", ""),
        ("secret\u{301}", "secret\u{301}"), ("日本語の文章がとてもとてもとても長い", "日本語の文章がとてもとてもとても長い"),
    ])
    func wordsAreMaskedHoweverTheReplyIsCut(text: String, expected: String) async throws {
        #expect(try await harness.stream([text]) == expected)
        #expect(await TextLaw.violation(of: harness.middleware, text: text) == nil)
    }

    @Test func aReplyIsHeldUpByAWordAtMost() async throws {
        let snapshots = try await harness.snapshots(["the sec", "ret pl", "an"])
        #expect(snapshots == ["the ", "the ****** ", "the ****** ", "the ****** plan"])
        let long = String(repeating: "x", count: 1000)
        #expect(try await harness.snapshots([long]).first == long)
    }

    @Test func messagesWithAWordAreRefused() async {
        let rejection = await harness.send(Sample.chat("tell me the SECRET")).rejection
        #expect(rejection?.code == "word_refused")
        #expect(rejection?.message == "Please do not use the word “SECRET” here.")
        #expect(await harness.send(Sample.chat("tell me about secrets")).message?.text == "tell me about secrets")
    }

    @Test func keepsThePromises() async {
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
    }

    @Test func optionsAreChecked() async throws {
        let options = try #require(PluginOptions.read(WordFilterPlugin.self, ["words": ["secret"]]).options)
        let made = try await StageHarness(WordFilterPlugin.self, options)
        #expect(try await made.stream(["a secret"]) == "a ******")
        for words in [[], ["two words"], [""]] as [ConfigNode] {
            let problems = PluginOptions.read(WordFilterPlugin.self, ["words": words]).problems
            #expect(problems == ["`words` must list single words of letters and digits"])
        }
    }

    @Test func isListedInTheCatalog() {
        #expect(CompiledInPlugins.all.contains { $0.kind == "word-filter" })
    }
}
