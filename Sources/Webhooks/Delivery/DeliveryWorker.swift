package import JSON
package import Logging
import MiddlewareKit
import Synchronization

/// Delivers the events of one stage, for as long as the stage's chain is in use: plans what the outbox holds, calls the
/// endpoints, and writes down what came of it. All that must last is in the store: after a crash it goes on from there, and
/// what was under way is sent again with the same id.
package final class DeliveryWorker: Sendable {
    /// What makes the loop look again.
    enum Wake: Sendable {
        /// The database may have something to do, or there is something to write down.
        case look
        case finished(FinishedCall)
        case stop
    }

    struct FinishedCall: Sendable {
        let endpoint: String
        /// Where the call went. The endpoint may have another address by now.
        let address: HTTPAddress
        let delivery: DueDelivery
        let at: Timestamp
        let duration: Duration
        let outcome: CallOutcome
    }

    /// How often it looks for what another process changed, and for what has become due.
    static let interval: Duration = .seconds(1)
    /// How long calls under way may go on when the stage is out of use.
    static let patience: Duration = .seconds(10)

    package let stage: String
    package let directory: EndpointDirectory
    let sideEvents: SideEvents
    let configured: [Endpoint]
    let settings: DeliverySettings
    let services: DeliveryServices
    let logger: Logger
    private let mailbox = Mailbox<Wake>()
    private let ended = Mailbox<Void>()

    /// - Parameter added: The endpoints that were added at run time.
    package init(
        stage: String, configured: [Endpoint], added: [Endpoint], settings: DeliverySettings,
        services: DeliveryServices, logger: Logger
    ) {
        self.stage = stage
        self.configured = configured
        self.settings = settings
        self.services = services
        self.logger = logger
        directory = EndpointDirectory(configured + added)
        sideEvents = SideEvents(time: services.time)
    }

    /// Keeps an event that belongs to no message, behind what was kept before and before what is kept later. Returns at once,
    /// as it is called from the thread that serves all sockets.
    package func note(_ type: EventType, _ data: @autoclosure () -> JSONObject) {
        guard directory.wants(type), let event = sideEvents.make(type, data()) else { return }
        let row = OutboxRow(stage: stage, topic: event.type, payload: event.payload)
        services.store.enqueue([row]) { [sideEvents] _ in sideEvents.keep(event) }
    }

    /// Another worker takes its place: calls under way may end, nothing new is planned or sent.
    package func retire() { mailbox.put(.stop) }

    /// Returns once `run` has returned. For one caller.
    package func waitUntilEnded() async { _ = await ended.takeAll() }

    /// For one that takes the place of another: somebody changed what is configured, perhaps so that what failed can succeed, and does
    /// not want to wait for hours to see it. Call it before `run`.
    package func hasten() async {
        do {
            try await services.store.hastenDeliveries(stage: stage, now: services.time.now)
        } catch {
            logger.warning("what waits for its next try could not be brought forward: \(error)")
        }
    }

    /// Runs until the task is cancelled; then calls under way get some time to end, and nothing new is sent.
    package func run() async {
        defer { ended.put(()) }
        // Not a child: a cancelled call would be lost to the books and repeated after every restart.
        let loop = Task { await self.loop() }
        await withTaskCancellationHandler {
            await loop.value
        } onCancel: {
            mailbox.put(.stop)
        }
    }

    private func loop() async {
        await withDiscardingTaskGroup { group in
            let (mailbox, time, pace) = (mailbox, services.time, settings.pace)
            let changes = services.store.webhookChanges()
            // What there is to do while the last look is not long ago is done together.
            let (signals, signal) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
            // The first of three that serve the worker as long as it runs: the pace.
            group.addTask {
                for await _ in signals {
                    mailbox.put(.look)
                    try? await time.sleep(for: pace)
                }
            }
            // The second: messages are kept all the time, and each wake-up costs. `changes` holds one, however many come meanwhile.
            group.addTask {
                for await _ in changes {
                    signal.yield()
                    try? await time.sleep(for: pace)
                }
            }
            // The third: what falls due without a change.
            group.addTask {
                while (try? await time.sleep(for: Self.interval)) != nil { mailbox.put(.look) }
            }
            mailbox.put(.look)
            var round = DeliveryRound(self)
            while !round.isOver {
                let wakes = await mailbox.takeAll()
                for (endpoint, delivery) in await round.proceed(wakes) {
                    // As many at a time as `concurrency` of the endpoints allows: the round hands out no more.
                    group.addTask {
                        await self.call(endpoint, delivery)
                        signal.yield()
                    }
                }
            }
            round.forgetMetrics()
            group.cancelAll()
        }
    }

    private func call(_ endpoint: Endpoint, _ delivery: DueDelivery) async {
        let (at, start) = (services.time.now, services.time.uptime)
        let result: Result<HTTPAnswer, any Error>
        do {
            result = .success(
                try await services.http.send(endpoint.call(delivery, now: at, rules: settings.rules)))
        } catch is CancellationError {
            return
        } catch {
            result = .failure(error)
        }
        mailbox.put(
            .finished(
                FinishedCall(
                    endpoint: endpoint.name, address: endpoint.url, delivery: delivery, at: at,
                    duration: services.time.uptime - start, outcome: CallOutcome(result: result))))
    }
}
