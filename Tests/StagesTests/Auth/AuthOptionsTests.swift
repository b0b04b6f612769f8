import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct AuthOptionsTests {
    @Test func theModeMustBeGiven() {
        #expect(PluginOptions.read(AuthPlugin.self, [:]).problems == ["`mode` is missing (for example mode: api-keys)"])
        #expect(PluginOptions.read(AuthPlugin.self, ["mode": "api-keys"]).options?.mode == .apiKeys)
        #expect(PluginOptions.read(AuthPlugin.self, ["mode": "keys"]).options == nil)
    }

    @Test func anonymousBeyondLoopbackMustBeMeant() {
        func problems(_ block: ConfigNode, _ isPublic: Bool) -> [String] {
            PluginOptions.read(AuthPlugin.self, block, isReachableByOthers: isPublic).problems
        }
        #expect(problems(["mode": "none"], false) == [])
        #expect(problems(["mode": "none", "allow-anonymous": true], true) == [])
        #expect(problems(["mode": "api-keys"], true) == [])
        let refused = problems(["mode": "none"], true)
        #expect(refused.count == 1)
        for word in ["`mode: api-keys`", "`server.host: 127.0.0.1`", "`allow-anonymous: true`"] {
            #expect(refused.first?.contains(word) == true)
        }
    }

    @Test func theModeDecidesWhatIsMade() async throws {
        var options = AuthOptions()
        options.mode = .none
        #expect(try await StageHarness(AuthPlugin.self, options).middleware is AnonymousAuth)
        options.mode = .apiKeys
        #expect(try await StageHarness(AuthPlugin.self, options).middleware is KeyAuth)
    }

    @Test func itNeverFailsOpen() {
        #expect(AuthPlugin.kind == "auth")
        #expect(AuthPlugin.defaultOnError == .closed)
        #expect(!AuthPlugin.mayFailOpen)
        #expect(AuthPlugin.defaultTimeout == nil && AuthPlugin.isQuick)
    }
}
