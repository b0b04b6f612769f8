import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct FilterTests {
    private func harness(_ block: ConfigNode) async throws -> StageHarness {
        let (options, problems) = PluginOptions.read(FilterPlugin.self, block)
        #expect(problems == [])
        return try await StageHarness(FilterPlugin.self, try #require(options))
    }

    @Test(arguments: [
        ("nothing here", "nothing here"), ("a Secret plan", "a *** plan"), ("secretive", "secretive"),
        ("number E123456!", "number ***!"), ("top shelf secret E1234567", "*** *** ***7"), ("", ""),
    ])
    func repliesAreFilteredHoweverTheyAreCut(text: String, expected: String) async throws {
        let harness = try await harness(["words": ["secret", "top shelf"], "patterns": ["E\\d{6}"]])
        #expect(try await harness.stream([text]) == expected)
        #expect(await TextLaw.violation(of: harness.middleware, text: text) == nil)
        #expect(await harness.send(Sample.chat(text)).message?.text == expected)
    }

    @Test func blockRefusesMessagesAndWithholdsReplies() async throws {
        let harness = try await harness(["words": ["secret"], "action": "block", "message": "No."])
        let rejection = await harness.send(Sample.chat("a secret")).rejection
        #expect(rejection == Rejection(code: "filtered", message: "No."))
        #expect(await harness.send(Sample.chat("fine")).message?.text == "fine")
        #expect(
            try await harness.snapshots(["It is a sec", "ret, ", "so there"]) == ["It is a ", "No.", "No.", "No."])
        #expect(await TextLaw.violation(of: harness.middleware, text: "It is a secret.") == nil)
    }

    @Test func onlyTheNamedDirectionIsTouched() async throws {
        let inbound = try await harness(["words": ["secret"], "directions": ["inbound"]])
        #expect(inbound.middleware.handles == StagePaths(inbound: [.chat]))
        let outbound = try await harness(["words": ["secret"], "directions": ["outbound"]])
        #expect(
            outbound.middleware.handles == StagePaths(outbound: [.final, .aborted, .error, .message], replyText: true))
    }

    @Test func theBlocksOfAnAnswerAreFilteredToo() async throws {
        let blocks: [ContentBlock] = [
            .thinking("my secret"), .other(json: #"{"type":"tool","id":"secret","text":["a secret"],"n":1}"#),
            .other(json: #"{"type":"image","data":"secret"}"#), .other(json: #"{ "b":1, "a":2 }"#),
        ]
        let replaced = try await harness(["words": ["secret"]]).deliver(Sample.event(blocks: blocks)).message
        #expect(
            replaced?.blocks == [
                .thinking("my ***"), .other(json: #"{"id":"secret","n":1,"text":["a ***"],"type":"tool"}"#), blocks[2],
                blocks[3],
            ])
        let blocked = try await harness(["words": ["secret"], "action": "block"]).deliver(Sample.event(blocks: blocks))
        #expect(blocked.message?.blocks == [blocks[2], blocks[3]])
    }

    @Test func whatTheGatewaySaysOfAFailureIsFilteredToo() async throws {
        let event = Sample.event(.error, detail: "no such secret")
        let replaced = try await harness(["words": ["secret"]]).deliver(event).message
        #expect(replaced?.detail == "no such ***")
        let blocked = try await harness(["words": ["secret"], "action": "block", "message": "No."]).deliver(event)
            .message
        #expect(blocked?.detail == "No.")
        #expect(try await harness(["words": ["other"]]).deliver(event).message?.detail == "no such secret")
    }

    @Test func whatIsHeldIsBounded() async throws {
        let harness = try await harness(["patterns": ["<.*>"], "max-length": 10])
        let snapshots = try await harness.snapshots(["<" + String(repeating: "x", count: 100)])
        #expect(snapshots[0].count == 91)
    }

    @Test func wrongOptionsAreExplained() {
        #expect(
            PluginOptions.read(FilterPlugin.self, [:]).problems == ["`words` or `patterns` must say what to look for"])
        #expect(
            PluginOptions.read(FilterPlugin.self, ["patterns": ["ok", "(a", "b*"]]).problems == [
                "entry 2 of `patterns` has a `(` without `)`, at character 2",
                "entry 3 of `patterns` matches the empty text",
            ])
        // Beside another mistake, too.
        #expect(
            PluginOptions.read(FilterPlugin.self, ["directions": [], "patterns": ["(a", "[b"]]).problems.count == 3)
        #expect(
            PluginOptions.read(FilterPlugin.self, ["patterns": ["(.{1000}){90}", "(.{1000}){90}"]]).problems == [
                "what to look for is too large: it repeats too much too often"
            ])
    }

    @Test func keepsThePromises() async throws {
        for action in ["replace", "block"] as [ConfigNode] {
            let harness = try await harness(
                ["words": ["think", "word", "secret"], "patterns": ["w.{0,9}d"], "action": action])
            #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
        }
    }
}
