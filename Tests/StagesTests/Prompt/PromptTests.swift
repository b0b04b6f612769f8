import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct PromptTests {
    private func sent(_ text: String, _ block: ConfigNode) async throws -> String? {
        let options = try #require(PluginOptions.read(PromptPlugin.self, block).options)
        let harness = try await StageHarness(PromptPlugin.self, options)
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware) == [])
        return await harness.send(Sample.chat(text)).message?.text
    }

    @Test func textStandsBeforeAndAfter() async throws {
        #expect(try await sent("Hi", ["before": "A", "after": "B"]) == "A\n\nHi\n\nB")
        #expect(try await sent("Hi", ["before": "A", "separator": " "]) == "A Hi")
        #expect(try await sent("Hi", ["after": "B"]) == "Hi\n\nB")
    }

    @Test func commandsStayAsTheyAre() async throws {
        #expect(try await sent("/new", ["before": "A"]) == "/new")
        #expect(try await sent("/new", ["before": "A", "skip-commands": false]) == "A\n\n/new")
    }

    @Test func somethingMustBeAdded() {
        #expect(PluginOptions.read(PromptPlugin.self, [:]).problems == ["`before` or `after` must say what to add"])
    }
}
