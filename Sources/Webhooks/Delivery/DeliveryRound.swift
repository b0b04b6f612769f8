import CoreMetrics
import JSON
import Logging
import MiddlewareKit
import Telemetry

/// The state of a worker's loop, and what one turn of the loop does: note what came of calls, and choose what is sent next. The
/// database has a part in it only when there was time to gather something: then attempts are written down, new events are planned,
/// and what is due is read.
struct DeliveryRound {
    private let worker: DeliveryWorker
    private var queues: [String: EndpointQueue] = [:]
    /// Attempts that are not written down yet. Their deliveries stay in flight until they are.
    private var unrecorded: [(endpoint: String, address: HTTPAddress, attempt: DeliveryAttempt)] = []
    /// Endpoints that said that they are gone, and at which address, which is not written down yet.
    private var retiring: [String: HTTPAddress] = [:]
    /// Added endpoints that the log says cannot be read.
    private var unreadable: Set<String> = []
    /// When somebody enabled each endpoint last; nil: that was not looked at yet.
    private var enabled: [String: Timestamp]?
    private var mustLook = true
    /// Which change of the endpoints is known here; nil: none are known yet.
    private var endpointGeneration: Int?
    private var stopBy: Duration?
    private var lastClean: Duration?
    /// When the endpoints were last read.
    private var lastLoad: Duration?
    private var lastSample: Duration?
    private var clock: (wall: Timestamp, uptime: Duration)
    private var isStorageBroken = false

    init(_ worker: DeliveryWorker) {
        self.worker = worker
        clock = (worker.services.time.now, worker.services.time.uptime)
    }

    private var store: any DeliveryStore { worker.services.store }
    private var time: any TimeSource { worker.services.time }
    private var stage: String { worker.stage }
    /// The wall clock as `followClock` knows it: a jump in the middle of a turn brings nothing forward.
    private var now: Timestamp {
        Timestamp(milliseconds: clock.wall.milliseconds + (time.uptime - clock.uptime).wholeMilliseconds)
    }

    var isOver: Bool {
        guard let stopBy else { return false }
        return time.uptime >= stopBy || queues.values.allSatisfy(\.isAtRest)
    }

    /// - Returns: What is to be sent now.
    mutating func proceed(_ wakes: [DeliveryWorker.Wake]) async -> [(Endpoint, DueDelivery)] {
        for wake in wakes {
            switch wake {
            case .look: mustLook = true
            case .stop:
                stopBy = time.uptime + DeliveryWorker.patience
                for name in Array(queues.keys) { queues[name]?.stop() }
            case .finished(let call): note(call)
            }
        }
        if mustLook || stopBy != nil { await look() }
        return stopBy == nil ? startReady() : []
    }

    private mutating func look() async {
        mustLook = false
        do {
            // First, as these are times of the clock as it was.
            try await recordAttempts()
            try await followClock()
            try await storeSideEvents()
            if stopBy == nil {
                try await plan()
                try await readDue()
                try await clean()
            }
            try await retire()
            isStorageBroken = false
        } catch {
            // Nothing is lost: it is all done again with the next tick.
            if !isStorageBroken { worker.logger.error("webhooks wait for the database: \(error)") }
            isStorageBroken = true
        }
        // Also while nothing can be written, which is when somebody looks at them.
        if stopBy == nil { try? await sampleMetrics() }
        publish()
    }

    // MARK: What came of calls

    private mutating func note(_ call: DeliveryWorker.FinishedCall) {
        let (uptime, now) = (time.uptime, now)
        let judgement = queues[call.endpoint]?.judge(
            call.outcome, from: call.address, of: call.delivery, schedule: worker.settings.schedule, uptime: uptime,
            now: now,
            random: worker.services.random())
        guard let (verdict, change) = judgement else { return }
        let attempt = DeliveryAttempt(
            delivery: call.delivery.id, at: call.at, duration: call.duration, status: call.outcome.status,
            error: call.outcome.error, answer: call.outcome.body, verdict: verdict)
        unrecorded.append((call.endpoint, call.address, attempt))
        tell(call, verdict, change)
    }

    private func tell(
        _ call: DeliveryWorker.FinishedCall, _ verdict: DeliveryAttempt.Verdict, _ change: CircuitBreaker.Change?
    ) {
        let logger = worker.logger
        let cause = call.outcome.error ?? "no error"
        Counter(.webhookAttempts, call.endpoint, verdict.word).increment()
        switch verdict {
        case .delivered: logger.debug("webhook \(call.endpoint): delivered \(call.delivery.eventID)")
        case .retry: logger.info("webhook \(call.endpoint): \(call.delivery.eventID) failed: \(cause)")
        case .dead: logger.warning("webhook \(call.endpoint): gave up \(call.delivery.eventID): \(cause)")
        }
        switch change {
        case .opened(let pause):
            logger.warning("webhook \(call.endpoint): fails again and again, is left alone for \(pause): \(cause)")
        case .closed: logger.notice("webhook \(call.endpoint): answers again")
        case nil: break
        }
    }

    private mutating func recordAttempts() async throws {
        guard !unrecorded.isEmpty else { return }
        let batch = unrecorded
        try await store.record(batch.map(\.attempt), stage: stage, now: now)
        unrecorded.removeFirst(batch.count)
        for (endpoint, address, attempt) in batch {
            queues[endpoint]?.finish(attempt.delivery)
            if attempt.status == 410 { retiring[endpoint] = address }
        }
    }

    /// An endpoint said that it is gone: nothing more is sent to it, until its address changes or somebody enables it. What its
    /// earlier address says is of no account.
    private mutating func retire() async throws {
        for (name, address) in retiring.sorted(by: { $0.key < $1.key }) {
            if queues[name]?.endpoint.url == address {
                try await store.setGone(stage: stage, endpoint: name, address: address.fingerprint, now: now)
                try await store.abandonDeliveries(
                    stage: stage, endpoint: name, error: "the endpoint is gone (HTTP 410)", now: now)
                worker.logger.warning("webhook \(name): said that it is gone (HTTP 410); nothing more is sent to it")
            }
            retiring[name] = nil
        }
    }

    // MARK: What there is to send

    /// Those that could not be stored when they happened.
    private func storeSideEvents() async throws {
        let (events, dropped) = worker.sideEvents.take()
        if dropped > 0 { worker.logger.warning("\(dropped) webhook events were dropped: they could not be stored") }
        guard !events.isEmpty else { return }
        do {
            try await store.store(
                events.map { OutboxRow(stage: stage, topic: $0.type, payload: $0.payload) })
        } catch {
            worker.sideEvents.putBack(events)
            throw error
        }
    }

    private mutating func loadEndpoints() async throws {
        let (generation, uptime) = (store.endpointGeneration, time.uptime)
        // Another process may have changed them: the generation is this one's.
        let isRecent = lastLoad.map { uptime - $0 < DeliveryWorker.interval } ?? false
        guard generation != endpointGeneration || !isRecent else { return }
        lastLoad = uptime
        var added: [Endpoint] = []
        for (name, settings) in try await store.addedEndpoints(stage: stage) {
            if let endpoint = Endpoint(stored: settings, name: name, content: worker.settings.content) {
                added.append(endpoint)
            } else if unreadable.insert(name).inserted {
                worker.logger.error(
                    "webhook \(name): its stored settings are not valid any more; remove the endpoint and add it again")
            }
        }
        let gone = Dictionary(try await store.goneEndpoints(stage: stage), uniquingKeysWith: { first, _ in first })
        let before = enabled
        let enabled = try await store.enabledEndpoints(stage: stage)
        self.enabled = enabled
        let configured = Set(worker.configured.map(\.name))
        var known: Set<String> = []
        for endpoint in worker.configured + added.filter({ !configured.contains($0.name) }) {
            known.insert(endpoint.name)
            if queues[endpoint.name] == nil { beginMetrics(of: endpoint.name) }
            var queue = queues[endpoint.name] ?? EndpointQueue(endpoint)
            queue.endpoint = endpoint
            queue.isGone = gone[endpoint.name] == endpoint.url.fingerprint || retiring[endpoint.name] == endpoint.url
            if let before, before[endpoint.name] != enabled[endpoint.name] {
                if queue.breaker.isOpen {
                    worker.logger.notice("webhook \(endpoint.name): was enabled, and is called again")
                }
                queue.beginAnew()
            }
            queues[endpoint.name] = queue
        }
        // One with a call under way stays until the call is over.
        for (name, queue) in queues where !known.contains(name) && queue.isAtRest {
            queues[name] = nil
            forgetMetrics(of: name)
        }
        for name in Array(queues.keys) where !known.contains(name) {
            queues[name]?.isGone = true
            // Another one may take its name before the call is over.
            queues[name]?.beginAnew()
        }
        // Those that are waited for are looked at again.
        endpointGeneration = queues.keys.allSatisfy(known.contains) ? generation : nil
    }

    private mutating func plan() async throws {
        let batch = 500
        while true {
            let events = try await store.unplannedEvents(stage: stage, limit: batch)
            // After the events were read: those that came after an endpoint are for it too.
            try await loadEndpoints()
            guard let last = events.last else { return }
            let deliveries = events.flatMap(deliveries)
            try await store.plan(deliveries, stage: stage, through: last.id, now: now)
            guard events.count == batch else { return }
        }
    }

    private func deliveries(of event: OutboxEvent) -> [PlannedDelivery] {
        guard let received = ReceivedEvent(event.payload) else {
            worker.logger.error("an event in the outbox cannot be read: row \(event.id)")
            return []
        }
        let delay = worker.settings.schedule.waits.first ?? .zero
        let dueAt = Timestamp(milliseconds: now.milliseconds + delay.wholeMilliseconds)
        return queues.values.filter { !$0.isGone && $0.endpoint.wants(received) }.map { queue in
            PlannedDelivery(
                event: event, eventID: received.id, endpoint: queue.endpoint.name,
                lane: queue.endpoint.options.ordering == .session ? received.lane : nil, dueAt: dueAt)
        }
    }

    private mutating func readDue() async throws {
        for (name, queue) in queues {
            let limit = queue.wanted(at: time.uptime)
            guard limit > 0 else { continue }
            let due = try await store.dueDeliveries(stage: stage, endpoint: name, now: now, limit: limit)
            queues[name]?.take(due)
        }
    }

    private mutating func startReady() -> [(Endpoint, DueDelivery)] {
        let uptime = time.uptime
        return Array(queues.keys).flatMap { name -> [(Endpoint, DueDelivery)] in
            guard let endpoint = queues[name]?.endpoint else { return [] }
            return (queues[name]?.start(at: uptime) ?? []).map { (endpoint, $0) }
        }
    }

    // MARK: Keeping order

    /// Due times are wall times, because they outlive the process. When the wall clock is set, they go with it.
    private mutating func followClock() async throws {
        let (wall, uptime) = (time.now, time.uptime)
        let passed = wall.milliseconds - clock.wall.milliseconds
        let drift: Duration = .milliseconds(passed - (uptime - clock.uptime).wholeMilliseconds)
        if abs(drift.wholeMilliseconds) >= 2000 {
            worker.logger.notice("the clock was set by \(drift); webhooks keep their intervals")
            try await store.shiftSchedule(stage: stage, by: drift)
        }
        clock = (wall, uptime)
    }

    private mutating func clean() async throws {
        let uptime = time.uptime
        // What may be looked at for a short time only is gone soon after it.
        let interval = max(.seconds(10), min(.seconds(600), worker.settings.keepDelivered / 10))
        if let lastClean, uptime - lastClean < interval { return }
        let now = now
        func before(_ age: Duration) -> Timestamp {
            Timestamp(milliseconds: now.milliseconds - age.wholeMilliseconds)
        }
        try await store.cleanDeliveries(
            stage: stage, endpoints: Array(queues.keys), deliveredBefore: before(worker.settings.keepDelivered),
            deadBefore: before(worker.settings.keepDead), now: now)
        lastClean = uptime
    }

    private mutating func sampleMetrics() async throws {
        let uptime = time.uptime
        if let lastSample, uptime - lastSample < .seconds(10) { return }
        let counts = try await store.deliveryCounts(stage: stage)
        // Planning is behind when the database is: what waits for it is as old as what waits for an endpoint.
        let unplanned = try await store.unplannedEvents(stage: stage, limit: 1).first?.createdAt
        for (name, queue) in queues {
            let count = counts.first { $0.endpoint == name }
            let oldest = [count?.oldestOpen, unplanned].compactMap { $0 }.min()
            let age = oldest.map { max(0, now.milliseconds - $0.milliseconds) } ?? 0
            Meter(.webhookOpen, name).set(count?.open ?? 0)
            Meter(.webhookDead, name).set(count?.dead ?? 0)
            Meter(.webhookAge, name).set(Double(age) / 1000)
            Meter(.webhookPaused, name).set(queue.breaker.isOpen ? 1 : 0)
        }
        lastSample = uptime
    }

    /// A series that begins with the first event that is given up is no increase, and an alert would not see it.
    private func beginMetrics(of endpoint: String) {
        for word in DeliveryAttempt.Verdict.words { Counter(.webhookAttempts, endpoint, word).increment(by: 0) }
    }

    /// Nobody is shown figures of an endpoint that there is no more.
    private func forgetMetrics(of endpoint: String) {
        for metric in [MetricDescription.webhookOpen, .webhookDead, .webhookAge, .webhookPaused] {
            Meter(metric, endpoint).destroy()
        }
        for word in DeliveryAttempt.Verdict.words { Counter(.webhookAttempts, endpoint, word).destroy() }
    }

    /// What is shown of all endpoints, when the worker ends. Its successor begins anew.
    func forgetMetrics() {
        for name in queues.keys { forgetMetrics(of: name) }
    }

    private func publish() {
        let order = worker.configured.map(\.name)
        let entries = queues.values.map { queue in
            EndpointDirectory.Entry(endpoint: queue.endpoint, isGone: queue.isGone, isPaused: queue.breaker.isOpen)
        }
        worker.directory.update(
            entries.sorted { a, b in
                let (first, second) = (order.firstIndex(of: a.endpoint.name), order.firstIndex(of: b.endpoint.name))
                return (first ?? .max, a.endpoint.name) < (second ?? .max, b.endpoint.name)
            })
    }
}

extension DeliveryAttempt.Verdict {
    fileprivate static let words = ["delivered", "failed", "dead"]

    fileprivate var word: String {
        switch self {
        case .delivered: "delivered"
        case .retry: "failed"
        case .dead: "dead"
        }
    }
}
