import JSON
import MiddlewareKit
import MiddlewareTesting
import Stages
import Storage
import Testing
import Webhooks

@Suite struct WebhookStageTests {
    private let files: TemporaryDatabase
    private let time = ManualTime()
    private var database: Database { files.database }

    init() throws { files = try TemporaryDatabase() }

    @Test func rowGoesWithTheMessage() async throws {
        let harness = try await harness([.messageReceived, .messageFinal])
        let contributor = try #require(harness.middleware as? any RowContributor)
        var context = Sample.context(principal: Principal(user: "ada"))
        context.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let rows = contributor.rows(for: record(.user), context: context)
        #expect(rows.map(\.topic) == ["message.received"])
        #expect(rows.map(\.stage) == ["test"])
        #expect(try event(rows.first?.payload)["traceparent"] == .string(try #require(context.traceparent)))
        let data = try event(rows.first?.payload)["data"]
        #expect(data?["user"] == "ada")
        #expect(data?["session"] == "agent:main:one")
        #expect(data?["message"]?["text"] == "Hello")
        #expect(data?["message"]?["blocks"] == nil)
    }

    @Test func whatNobodyWantsCostsNoRow() async throws {
        let harness = try await harness([.messageError])
        let contributor = try #require(harness.middleware as? any RowContributor)
        #expect(contributor.rows(for: record(.user), context: Sample.context()).isEmpty)
        #expect(contributor.rows(for: record(.assistant), context: Sample.context()).isEmpty)
        let failed = record(.assistant, state: .failed)
        #expect(contributor.rows(for: failed, context: Sample.context()).map(\.topic) == ["message.error"])
    }

    /// A reload: the old instance lives on for as long as a run uses it, and its events are told of by the new one.
    @Test func aNewInstanceTakesOverFromOneThatIsStillInUse() async throws {
        let registry = WebhookRegistry()
        let old = try await harness(try options([.messageReceived]), registry)
        let new = try await harness(try options([.messageReceived, .messageFinal]), registry)
        let first = Task { await (old.middleware as? any BackgroundStage)?.run() }
        while registry.all.isEmpty { await Task.yield() }
        let second = Task { await (new.middleware as? any BackgroundStage)?.run() }
        // Nobody cancels it.
        await first.value
        _ = await old.send(Sample.chat("Hi"))
        _ = await new.deliver(Sample.event(.final))
        while try await database.deliveries(DeliveryFilter(state: .delivered, limit: 100)).count < 2 {
            await Task.yield()
        }
        #expect(
            Set(try await database.deliveries(DeliveryFilter(limit: 100)).map(\.type))
                == ["message.received", "message.final"])
        second.cancel()
        await second.value
        #expect(registry.all.isEmpty)
    }

    /// What is stored of the event, and what is sent.
    @Test(arguments: [("short", false), (String(repeating: "long ", count: 300), true)])
    func aLongTextIsStoredWithItsMessageOnly(text: String, isShared: Bool) async throws {
        let harness = try await harness([.messageFinal])
        let contributor = try #require(harness.middleware as? any RowContributor)
        let record = MessageRecord(
            gateway: "home", sessionKey: "agent:main:one", owner: "ada", role: .assistant, runID: "run-1", text: text,
            timestamp: time.now)
        try await database.store(record, rows: contributor.rows(for: record, context: Sample.context()))
        let event = try #require(try await database.unplannedEvents(stage: "test", limit: 2).first)
        #expect(try self.event(event.payload)["data"]?["message"]?["text"] == (isShared ? .null : .string(text)))
        let planned = PlannedDelivery(event: event, eventID: "evt", endpoint: "hook", lane: nil, dueAt: time.now)
        try await database.plan([planned], stage: "test", through: event.id, now: time.now)
        let due = try await database.dueDeliveries(stage: "test", endpoint: "hook", now: time.now, limit: 1)
        #expect(
            try self.event(due.first?.first?.payload)["data"]?["message"]
                == ["role": "assistant", "text": .string(text), "attachments": []])
    }

    /// A stage without persist above it has the only copy.
    @Test func aLongTextIsInTheEventOfAMessageThatIsNotKept() async throws {
        let harness = try await harness([.messageReceived])
        let text = String(repeating: "long ", count: 300)
        _ = await harness.send(Sample.chat(text))
        let event = try #require(try await database.unplannedEvents(stage: "test", limit: 2).first)
        #expect(try self.event(event.payload)["data"]?["message"]?["text"] == .string(text))
    }

    @Test func aSessionThatBeganElsewhereIsNotToldOf() async throws {
        let harness = try await harness([.sessionCreated])
        let contributor = try #require(harness.middleware as? any RowContributor)
        let context = MessageContext(id: "m", logger: Sample.logger)
        #expect(contributor.rows(for: record(.assistant), context: context).isEmpty)
    }

    @Test func newSessionsAreToldOfByTheirFirstMessage() async throws {
        let harness = try await harness([.sessionCreated])
        let contributor = try #require(harness.middleware as? any RowContributor)
        for run in ["a", "b"] {
            let record = record(.user, run: run)
            try await database.store(record, rows: contributor.rows(for: record, context: Sample.context()))
        }
        #expect(try await topics() == ["session.created"])
    }

    /// Where no stage above keeps messages, the event is there before the message goes on.
    @Test func withoutPersistItKeepsItsOwnRow() async throws {
        let harness = try await harness([.messageReceived, .messageFinal, .sessionCreated])
        let outcome = await harness.send(Sample.chat("Hi")) { _ in
            let topics = try await topics()
            #expect(topics == ["message.received"])
        }
        #expect(outcome.message != nil)
        _ = await harness.deliver(Sample.event(.final))
        #expect(try await topics() == ["message.received", "message.final"])
    }

    @Test func behindPersistItKeepsNothingItself() async throws {
        let harness = try await harness([.messageReceived, .messageFinal])
        var context = Sample.context()
        context.keptRole = .user
        _ = await harness.send(Sample.chat(), context: context)
        #expect(try await topics() == [])
        // The context of a chat comes back with its events; what was kept then was another message.
        _ = await harness.deliver(Sample.event(.final), context: context)
        #expect(try await topics() == ["message.final"])
    }

    /// What a stage above hides from storage is hidden from endpoints too.
    @Test func withoutPersistItKeepsWhatMayBeKept() async throws {
        let harness = try await harness([.messageReceived, .messageFinal])
        var context = Sample.context()
        context.rewriteKept = { "[hidden] " + $0.suffix(3) }
        _ = await harness.send(Sample.chat("Hi Ada"), context: context)
        _ = await harness.deliver(Sample.event(.final, text: "Hi Bob"), context: context)
        let payloads = try await database.unplannedEvents(stage: "test", limit: 100).map(\.payload)
        #expect(
            try payloads.map { try event($0)["data"]?["message"]?["text"] } == ["[hidden] Ada", "[hidden] Bob"])
    }

    @Test func inShadowItKeepsNothing() async throws {
        let harness = try await harness([.messageReceived])
        var context = Sample.context()
        context.isShadow = true
        _ = await harness.send(Sample.chat(), context: context)
        #expect(try await topics() == [])
    }

    @Test func contentIsWhatTheMostCuriousEndpointWants() async throws {
        var options = try options([.messageFinal])
        options.content = .none
        #expect(try await payload(options)["message"] == ["role": "assistant"])
        options.endpoints[0].content = .blocks
        let message = try await payload(options)["message"]
        #expect(message?["text"] == "Hello")
        #expect(message?["blocks"]?[0]?["name"] == "search")
    }

    /// Anybody can be turned away as often as they like.
    @Test func rejectionsAreLimitedAndCounted() async throws {
        let harness = try await harness([.requestRejected])
        let observer = try #require(harness.middleware as? any ServerObserver)
        let background = try #require(harness.middleware as? any BackgroundStage)
        let rejected = RejectedMessage(
            message: Sample.chat(), context: Sample.context(), stage: "rate-limit", code: "rate_limited")
        for _ in 0..<50 { observer.messageWasRejected(rejected) }
        time.advance(by: .seconds(1))
        observer.messageWasRejected(rejected)
        let work = Task { await background.run() }
        while try await database.deliveries(DeliveryFilter(limit: 100)).count < 11 { await Task.yield() }
        work.cancel()
        await work.value
        let newest = try #require(try await database.deliveries(DeliveryFilter(limit: 1)).first)
        let data = try event(try await database.delivery(id: newest.id)?.payload)["data"]
        #expect(data?["omitted"] == 40)
        #expect(data?["stage"] == "rate-limit")
        #expect(data?["code"] == "rate_limited")
    }

    @Test func optionsThatCannotWorkAreProblems() throws {
        let block: ConfigNode = [
            "endpoints": [
                ["url": "https://example.com/a", "name": "one"], ["url": "https://example.com/b", "name": "one"],
                ["url": "https://example.com:8443/", "name": "two"], ["url": "http://127.0.0.1/", "name": "three"],
            ]
        ]
        let problems = PluginOptions.read(WebhookPlugin.self, block).problems
        #expect(
            problems == [
                "`endpoints[2].name`: two endpoints have the name one; give one of them a `name` of its own",
                "`endpoints[3].url`: port 8443 is not one of the allowed ports; add it to `ports`",
                """
                `endpoints[4].url`: 127.0.0.1 may not be called: it is a loopback address; name its network in \
                `allow-private`
                """,
            ])
    }

    private func options(_ events: [EventType]) throws -> WebhookOptions {
        var endpoint = EndpointOptions()
        endpoint.url = try HTTPAddress("https://example.com/hook")
        endpoint.events = events
        var options = WebhookOptions()
        options.endpoints = [endpoint]
        options.pace = .zero
        return options
    }

    private func harness(_ events: [EventType]) async throws -> StageHarness {
        try await harness(try options(events))
    }

    private func harness(
        _ options: WebhookOptions, _ registry: WebhookRegistry? = nil
    ) async throws -> StageHarness {
        var context = Sample.provision(messages: database, time: time)
        context[DeliveryStoreKey.self] = database
        context[WebhookRegistryKey.self] = registry
        context.http = ScriptedHTTPCaller()
        return try await StageHarness(WebhookPlugin.self, options, in: context)
    }

    private func record(
        _ role: MessageRecord.Role, state: MessageRecord.State = .complete, run: String = "run-1"
    ) -> MessageRecord {
        MessageRecord(
            gateway: "home", sessionKey: "agent:main:one", owner: "ada", role: role, state: state, runID: run,
            text: "Hello", blocks: [.other(json: #"{"type":"tool","name":"search"}"#)], timestamp: time.now)
    }

    private func payload(_ options: WebhookOptions) async throws -> JSONValue {
        let contributor = try #require(try await harness(options).middleware as? any RowContributor)
        let rows = contributor.rows(for: record(.assistant), context: Sample.context())
        return try #require(try event(rows.first?.payload)["data"])
    }

    private func event(_ payload: String?) throws -> JSONValue { try JSONValue(parsing: try #require(payload)) }

    private func topics() async throws -> [String] {
        try await database.unplannedEvents(stage: "test", limit: 100).map(\.topic)
    }
}
