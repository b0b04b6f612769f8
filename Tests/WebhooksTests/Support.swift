import Foundation
import JSON
import Logging
import MiddlewareKit
import MiddlewareTesting
import Storage
import Synchronization
import Testing
import Webhooks

/// A worker with a database, a clock in the hand and a scripted network.
final class WorkerRig: Sendable {
    static let stage = "webhook"
    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    let database: Database
    let time = ManualTime()
    let http: ScriptedHTTPCaller
    private let folder: URL

    init(_ http: ScriptedHTTPCaller = ScriptedHTTPCaller()) throws {
        self.http = http
        folder = FileManager.default.temporaryDirectory.appending(path: "sluice-webhooks-\(UUID().uuidString)")
        database = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static func endpoint(_ name: String = "one", _ change: (inout EndpointOptions) -> Void = { _ in }) throws
        -> Endpoint
    {
        var options = EndpointOptions()
        options.givenName = name
        options.url = try HTTPAddress("https://\(name).test/hook")
        options.secrets = try #require(SigningSecrets([secret]))
        change(&options)
        return try #require(Endpoint(options, content: .text, isAdded: false))
    }

    func worker(
        _ endpoints: [Endpoint], stage: String = WorkerRig.stage, content: EventContent = .text, pace: Duration = .zero
    ) -> DeliveryWorker {
        let settings = DeliverySettings(
            schedule: RetrySchedule(waits: [.zero, .seconds(5), .seconds(300)], jitter: 0), rules: AddressRules(),
            content: content, storedContent: .text, keepDelivered: .seconds(86_400), keepDead: .seconds(10 * 86_400),
            pace: pace)
        return DeliveryWorker(
            stage: stage, configured: endpoints, added: [], settings: settings,
            services: DeliveryServices(store: database, http: http, time: time, random: { 0.5 }),
            logger: Sample.logger)
    }

    /// Runs the worker for as long as `body` takes.
    ///
    /// - Parameter endsAtOnce: No call is under way at the end, and the clock must stand still.
    func running(
        _ endpoints: [Endpoint], pace: Duration = .zero, endsAtOnce: Bool = false,
        _ body: (DeliveryWorker) async throws -> Void
    ) async throws {
        let worker = worker(endpoints, pace: pace)
        let task = Task { await worker.run() }
        do {
            try await body(worker)
        } catch {
            await stop(task)
            throw error
        }
        guard endsAtOnce else { return await stop(task) }
        task.cancel()
        await task.value
    }

    /// Ends a worker. Calls that do not end use up its patience.
    func stop(_ task: Task<Void, Never>) async {
        let hasEnded = Atomic(false)
        task.cancel()
        async let end: Void = {
            await task.value
            hasEnded.store(true, ordering: .releasing)
        }()
        while !hasEnded.load(ordering: .acquiring) {
            time.advance(by: .seconds(1))
            await Task.yield()
        }
        await end
    }

    /// Stores an answer with its event, as persist does.
    func store(_ run: String, session: String = "agent:main:one", text: String = "An answer.") async throws {
        let record = MessageRecord(
            gateway: "home", sessionKey: session, owner: "ada", role: .assistant, runID: run, text: text, agent: "main",
            timestamp: time.now)
        let payload = WebhookEvent.payload(of: record, user: "ada", content: .text)
        try await database.store(
            record, rows: [OutboxRow(stage: Self.stage, topic: record.eventType.rawValue, payload: payload)])
    }

    /// Waits until the deliveries are as they should be. The worker does not sleep meanwhile but for its ticks.
    func wait(for state: DeliveryState, count: Int, endpoint: String? = nil) async throws {
        let filter = DeliveryFilter(endpoint: endpoint, state: state, limit: 10_000)
        while try await database.deliveries(filter).count < count { await Task.yield() }
    }

    func waitForCalls(_ count: Int) async {
        while http.calls.count < count { await Task.yield() }
    }

    /// Waits until so many attempts are written down.
    func waitForAttempts(_ count: Int, of id: Int64 = 1) async throws {
        while try await database.delivery(id: id)?.attempts.count ?? 0 < count { await Task.yield() }
    }
}

extension HTTPCall {
    subscript(header name: String) -> String? { headers.first { $0.name == name }?.value }

    var json: JSONValue { (try? JSONValue(parsing: String(decoding: body, as: UTF8.self))) ?? .null }

    var run: String? { json.object?["data"]?.object?["run"]?.string }
}
