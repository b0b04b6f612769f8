import Analytics
import MiddlewareKit
import MiddlewareTesting
import Stages
import Testing
import Webhooks

@Suite struct BuiltInStagesTests {
    /// Options with which each stage has something to do and lets most messages through.
    private static let options: [(plugin: any MiddlewarePlugin.Type, block: ConfigNode)] = [
        (AuthPlugin.self, ["mode": "none"]),
        (RateLimitPlugin.self, ["limits": [["key": ["user"], "requests": 1_000_000_000, "per": "1s"]]]),
        (QuotaPlugin.self, ["requests": 1_000_000_000, "tokens": 1_000_000_000]),
        (PromptPlugin.self, ["before": "Be kind.", "after": "Be short."]),
        (CachePlugin.self, ["max-entries": 500]),
        (ThinkingStripPlugin.self, [:]),
        (RedactPlugin.self, ["patterns": ["number": "number \\d+"], "max-sessions": 500]),
        (FilterPlugin.self, ["words": ["secret", "word"], "patterns": ["an\\w+er"]]),
        (TransformPlugin.self, ["message": "{{user}}: {{text}}", "reply": "({{agent}}) {{text}} ({{date}})"]),
        (
            ProcessPlugin.self,
            [
                "command": ["python3", ConfigNode(stringLiteral: Program.examples + "/mask.py")],
                // A machine with much to do must not make it a program that hangs.
                "start-timeout": "60s", "answer-timeout": "60s",
            ]
        ),
        (HTTPPlugin.self, ["url": "https://example.com/", "outbound": ["final"], "reply": true]),
        (RoutePlugin.self, ["to": [["gateway": "spare"], ["agent": "helper"]]]),
        (PersistPlugin.self, [:]),
        (WebhookPlugin.self, [:]),
        (AnalyticsPlugin.self, [:]),
    ]

    @Test func everyKindIsThereOnce() {
        #expect(
            BuiltInStages.all.map { $0.kind } == [
                "auth", "rate-limit", "quota", "prompt", "cache", "thinking-strip", "redact", "filter", "transform",
                "process", "http", "route", "persist", "webhook", "analytics",
            ])
        #expect(BuiltInStages.all.map { $0.kind } == Self.options.map { $0.plugin.kind })
    }

    @Test(arguments: BuiltInStages.all.indices)
    func everyStageKeepsThePromises(index: Int) async throws {
        let database = try TemporaryDatabase()
        let middleware = try await Self.make(index, database)
        #expect(await MiddlewareCompatibility.violations(of: middleware, patience: .seconds(60)) == [])
        await middleware.cleanup()
    }

    /// In a process of its own, so that nothing else allocates meanwhile; one after the other, to leave room for other tests.
    @Test(.serialized, arguments: BuiltInStages.all.indices)
    func noStageGrowsOverManyMessages(index: Int) async throws {
        await #expect(processExitsWith: .success) { [index] in
            let database = try TemporaryDatabase()
            // A hundred thousand messages. A turn of a program is five questions on a pipe, some hundred times slower; what it keeps
            // for a message is kept for each question, so fewer show it: 4,000 of them would have to leave less than a kilobyte each.
            let turns = BuiltInStages.all[index] == ProcessPlugin.self ? 5_000 : 34_000
            let middleware = try await BuiltInStagesTests.make(index, database)
            let growth = try await GrowthTest.growth(of: middleware, turns: turns)
            await middleware.cleanup()
            #expect(growth < 4_000_000, "\(BuiltInStages.all[index].kind) grew by \(growth) bytes")
        }
    }

    private static func make(_ index: Int, _ database: TemporaryDatabase) async throws -> any Middleware {
        try await make(options[index].plugin, options[index].block, database)
    }

    private static func make<Plugin: MiddlewarePlugin>(
        _ plugin: Plugin.Type, _ block: ConfigNode, _ database: TemporaryDatabase
    ) async throws -> any Middleware {
        let (options, problems) = PluginOptions.read(plugin, block)
        #expect(problems == [])
        var context = Sample.provision(messages: ForgetfulStore())
        context.http = ForgetfulCaller()
        context[GatewayDirectoryKey.self] = OneGateway()
        context[AnalyticsRecorderSlot.self] = AnalyticsRecorder(store: MemoryAnalytics(), time: context.time)
        context[DeliveryStoreKey.self] = database.database
        let middleware = try await plugin.provision(try #require(options), in: context)
        // What `sluice explain` says is so; of a program it is known when it runs.
        let told = plugin.handles(try #require(options))
        #expect(told == (plugin is ProcessPlugin.Type ? nil : middleware.handles))
        return middleware
    }
}

/// Keeps nothing: what grows is the stage.
private struct ForgetfulStore: MessageStore {
    func store(_ record: MessageRecord, rows: [OutboxRow]) async throws -> Int64 { 1 }
    func markUnanswered(gateway: String, sessionKey: String, runID: String) async throws {}
}

/// Answers everything with no words.
private struct ForgetfulCaller: HTTPCaller {
    func send(_ call: HTTPCall) async throws -> HTTPAnswer { HTTPAnswer(status: 204) }
}

private struct OneGateway: GatewayDirectory {
    func readiness(of gateway: String) -> GatewayReadiness { gateway == "spare" ? .connected : .unknown }
    func objection(to message: InboundMessage, for gateway: String, from principal: Principal) -> Rejection? { nil }
}
