import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct TransformTests {
    private func harness(_ block: ConfigNode) async throws -> StageHarness {
        let (options, problems) = PluginOptions.read(TransformPlugin.self, block)
        #expect(problems == [])
        return try await StageHarness(TransformPlugin.self, try #require(options))
    }

    @Test func messagesAreWrittenAnew() async throws {
        let harness = try await harness([
            "message": "{{user}}@{{gateway}}/{{agent}} on {{date}}: {{text}}{{#session}}!{{/session}} <&>"
        ])
        let context = Sample.context(principal: Principal(user: "ada"))
        let sent = await harness.send(Sample.chat("a < b {{user}}"), context: context)
        #expect(sent.message?.text == "ada@home/main on 2026-01-01: a < b {{user}}! <&>")
        #expect(harness.middleware.handles == StagePaths(inbound: [.chat]))
    }

    /// A reply knows no user then either.
    @Test func everybodyIsNoUser() async throws {
        let harness = try await harness(["message": "{{user}}{{^user}}Somebody{{/user}} asks: {{text}}"])
        let sent = await harness.send(Sample.chat("Hi"), context: Sample.context(principal: .anonymous))
        #expect(sent.message?.text == "Somebody asks: Hi")
    }

    @Test func commandsStayAsTheyAre() async throws {
        let harness = try await harness(["message": "{{user}} asks: {{text}}"])
        #expect(await harness.send(Sample.chat("/new")).message?.text == "/new")
        #expect(await harness.send(Sample.chat(" /stop now")).message?.text == " /stop now")
        let other = try await self.harness(["message": "{{text}}!", "skip-commands": false])
        #expect(await other.send(Sample.chat("/new")).message?.text == "/new!")
    }

    @Test func repliesAreWrittenAnewHoweverTheyAreCut() async throws {
        let harness = try await harness(["reply": "{{agent}} says: {{text}}\n({{date}})"])
        #expect(
            try await harness.snapshots(["It ", "is 4."]) == [
                "main says: It ", "main says: It is 4.", "main says: It is 4.\n(2026-01-01)",
            ])
        #expect(try await harness.stream([""]) == "")
        #expect(await TextLaw.violation(of: harness.middleware, text: "It is 4.") == nil)
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
    }

    private static let deep = ConfigNode(
        stringLiteral: String(repeating: "{{#user}}", count: 3000) + String(repeating: "{{/user}}", count: 3000))

    @Test(
        arguments: [
            (
                ["message": "{{#a}}"],
                "`message` is no Mustache template: a section is not closed with {{/name}}, in line 1"
            ),
            (
                ["message": "x\n{{#user}}{{/text}}"],
                "`message` is no Mustache template: a {{/name}} closes another section than was opened last, in line 2"
            ),
            (["message": "{{user | upper}}"], "a tag holds more than one name, or is not closed with }}, in line 1"),
            (["message": "{{user"], "is no Mustache template: a tag"),
            (["reply": "none"], "must have {{text}} in it, once"),
            (["reply": "{{text}}{{text}}"], "must have {{text}} in it, once"),
            (["reply": "{{#user}}{{text}}{{/user}}"], "must not stand in a section"),
            (
                [
                    "message": deep
                ],
                "has more than 32 sections within one another"
            ),
            (["message": "{{> other}}"], "must not include other templates"),
            (["message": "{{#usr}}{{text}}{{/usr}}"], "names a value that there is not"),
            (["reply": "{{text}} {{{model}}}"], "names a value that there is not"),
            ([:], "`message` or `reply` must be a template"),
        ] as [(ConfigNode, String)])
    func wrongTemplatesAreExplained(block: ConfigNode, words: String) {
        let problems = PluginOptions.read(TransformPlugin.self, block).problems
        #expect(problems.count == 1 && problems.allSatisfy { $0.contains(words) }, "\(problems)")
    }
}
