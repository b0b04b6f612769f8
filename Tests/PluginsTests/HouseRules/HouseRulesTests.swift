import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Plugins

@Suite struct HouseRulesTests {
    private func harness(_ block: ConfigNode) async throws -> StageHarness {
        let options = try #require(PluginOptions.read(HouseRulesPlugin.self, block).options)
        return try await StageHarness(HouseRulesPlugin.self, options)
    }

    @Test func longMessagesAreRefused() async throws {
        let harness = try await harness(["max-length": 5])
        #expect(await harness.send(Sample.chat("hello")).message?.text == "hello")
        #expect(await harness.send(Sample.chat("hello!")).rejection?.code == "too_long")
    }

    @Test func aLineStandsBelowEachReply() async throws {
        let harness = try await harness(["notice": "Answered by a machine."])
        #expect(try await harness.stream(["It ", "is 4."]) == "It is 4.\n\nAnswered by a machine.")
        #expect(try await harness.stream([""]) == "")
    }

    @Test func keepsThePromises() async throws {
        let harness = try await harness(["notice": "Answered by a machine."])
        // Add what the transform looks for, if it looks for something: the texts of the kit do not hold it.
        let own = ["An answer with a word of your own."]
        #expect(await MiddlewareCompatibility.violations(of: harness.middleware, adding: own) == [])
    }

    @Test func isListedInTheCatalog() {
        #expect(CompiledInPlugins.all.contains { $0.kind == "house-rules" })
    }
}
