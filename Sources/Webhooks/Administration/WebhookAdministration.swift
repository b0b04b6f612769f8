package import JSON
package import MiddlewareKit

/// What administrators can look at and do, the same for the HTTP interface and the command line. Never shows a secret, or the
/// path of an address, which often is one.
package struct WebhookAdministration: Sendable {
    let registry: WebhookRegistry
    package let store: any DeliveryStore
    let time: any TimeSource

    package init(registry: WebhookRegistry, store: any DeliveryStore, time: any TimeSource) {
        self.registry = registry
        self.store = store
        self.time = time
    }

    // MARK: Endpoints

    package func endpoints() async throws -> JSONValue {
        var rows: [JSONValue] = []
        for (stage, entries) in try await all() {
            let counts = try await store.deliveryCounts(stage: stage)
            for entry in entries {
                rows.append(entry.json(stage: stage, counts.first { $0.endpoint == entry.endpoint.name }))
            }
            rows += counts.ofRemoved(besides: entries).map { $0.jsonOfRemoved(stage: stage) }
        }
        return .array(rows)
    }

    /// - Parameter body: The options of an endpoint as in config.yaml, and `stage` where there are several webhook stages.
    /// - Throws: ``Rejection`` that says what is wrong with the body.
    package func addEndpoint(_ body: JSONObject) async throws -> JSONValue {
        var body = body
        let worker = try worker(named: body["stage"]?.string)
        body["stage"] = nil
        // Of all stages, as the other calls go by the name alone.
        var known: Set<String> = []
        for other in registry.all { known.formUnion(try await entries(of: other).map(\.endpoint.name)) }
        let new = try await editor(worker).add(body, now: time.now) { [known] in !known.contains($0) }
        return EndpointDirectory.Entry(endpoint: new.endpoint).json(stage: worker.stage, nil, new.warnings)
    }

    /// - Parameter body: The options that are to be different; null takes one back to its default.
    /// - Throws: ``Rejection`` that says what is wrong with the body.
    package func changeEndpoint(_ name: String, _ body: JSONObject) async throws -> JSONValue {
        let (worker, _) = try await find(name)
        let warnings = try await editor(worker).change(name, body, now: time.now).warnings
        let counts = try await store.deliveryCounts(stage: worker.stage)
        return try await find(name).entry.json(stage: worker.stage, counts.first { $0.endpoint == name }, warnings)
    }

    private func editor(_ worker: DeliveryWorker) -> EndpointEditor {
        EndpointEditor(stage: worker.stage, settings: worker.settings, store: store)
    }

    package func removeEndpoint(_ name: String) async throws {
        let found = try await all().filter { $0.entries.contains { $0.endpoint.name == name } }
        guard !found.isEmpty else { return try await giveUp(name) }
        // One of a stage that is gone may have the name of another one.
        let added = found.first { $0.entries.contains { $0.endpoint.name == name && $0.endpoint.isAdded } }
        guard let added else {
            throw Rejection(code: "conflict", message: "The endpoint “\(name)” stands in config.yaml; remove it there.")
        }
        _ = try await store.removeEndpoint(stage: added.stage, name: name, now: time.now)
    }

    /// What is left of an endpoint that is no longer in the file, or whose stored settings cannot be read any more.
    private func giveUp(_ name: String) async throws {
        var isKnown = false
        for stage in registry.all.map(\.stage) {
            let counts = try await store.deliveryCounts(stage: stage)
            let isLeft = counts.contains { $0.endpoint == name && $0.open > 0 }
            let isRemoved = try await store.removeEndpoint(stage: stage, name: name, now: time.now)
            isKnown = isKnown || isLeft || isRemoved
            guard isLeft, !isRemoved else { continue }
            try await store.abandonDeliveries(
                stage: stage, endpoint: name, error: "the endpoint was removed", now: time.now)
        }
        if !isKnown { throw Rejection.unknown(name) }
    }

    /// For one that said that it is gone, or is left alone because it failed again and again.
    package func enableEndpoint(_ name: String) async throws {
        let (worker, entry) = try await find(name)
        guard entry.endpoint.options.enabled else { return try entry.requireUsable() }
        try await store.enableEndpoint(stage: worker.stage, name: name, now: time.now)
    }

    /// Sends a test event, as any other event: it can be looked at with the deliveries.
    /// - Returns: The id of the event.
    package func test(_ name: String) async throws -> String {
        let (worker, entry) = try await find(name)
        try entry.requireUsable()
        return try await Self.test(name, stage: worker.stage, store: store, now: time.now)
    }

    package static func test(
        _ name: String, stage: String, store: any DeliveryStore, now: Timestamp
    ) async throws -> String {
        let event = WebhookEvent(
            type: EventType.test, timestamp: now,
            data: ["endpoint": .string(name), "message": ["role": "system", "text": "This is a test."]])
        try await store.store([OutboxRow(stage: stage, topic: event.type, payload: event.payload)])
        return event.id
    }

    // MARK: Deliveries

    package func deliveries(_ filter: DeliveryFilter) async throws -> JSONValue {
        let page = try await store.deliveries(filter)
        let before: JSONValue = page.count == filter.limit ? page.last.map { .integer($0.id) } ?? .null : .null
        return ["deliveries": .array(page.map { .object($0.json) }), "before": before]
    }

    package func delivery(id: Int64) async throws -> JSONValue {
        guard let (delivery, payload, attempts) = try await store.delivery(id: id) else { throw Rejection.unknown(id) }
        var object = delivery.json
        let shown = try await shown(payload, of: delivery)
        object["event"] = shown.event
        object["body"] = shown.body.map { .string($0) } ?? .null
        object["log"] = .array(attempts.map(\.json))
        return .object(object)
    }

    private func shown(_ payload: String, of delivery: StoredDelivery) async throws -> ShownEvent {
        let worker = registry.all.first { $0.stage == delivery.stage }
        let entries = if let worker { try await entries(of: worker) } else { [EndpointDirectory.Entry]() }
        return ShownEvent(payload, to: delivery.endpoint, among: entries, stageContent: worker?.settings.content)
    }

    package func replay(id: Int64) async throws {
        guard let (delivery, _, _) = try await store.delivery(id: id) else { throw Rejection.unknown(id) }
        try await find(delivery.endpoint, stage: delivery.stage).requireUsable()
        if try await store.replay(id: id, now: time.now) { return }
        throw Rejection(code: "conflict", message: "The delivery \(id) waits for an earlier one of its session.")
    }

    /// - Parameter endpoint: Nil: to all that can be called.
    package func replayDead(since: Timestamp, endpoint: String?) async throws -> Int {
        var targets: [(stage: String, name: String)] = []
        if let endpoint {
            let (worker, entry) = try await find(endpoint)
            try entry.requireUsable()
            targets = [(worker.stage, endpoint)]
        } else {
            for worker in registry.all {
                for entry in try await entries(of: worker) where entry.obstacle == nil {
                    targets.append((worker.stage, entry.endpoint.name))
                }
            }
        }
        var count = 0
        for target in targets {
            count += try await store.replayDead(
                since: since, stage: target.stage, endpoint: target.name, now: time.now)
        }
        return count
    }

    // MARK: Names

    private func worker(named name: String?) throws -> DeliveryWorker {
        let all = registry.all
        if let worker = all.first(where: { $0.stage == name }) ?? (name == nil && all.count == 1 ? all[0] : nil) {
            return worker
        }
        guard !all.isEmpty else {
            throw Rejection(code: "disabled", message: "There is no webhook stage; add one to config.yaml.")
        }
        throw Rejection.bad("say which `stage` is meant: \(all.map(\.stage).joined(separator: ", "))")
    }

    private func entries(of worker: DeliveryWorker) async throws -> [EndpointDirectory.Entry] {
        let paused = Set(worker.directory.entries.filter(\.isPaused).map(\.endpoint.name))
        return try await EndpointDirectory.Entry.all(
            stage: worker.stage, configured: worker.configured, content: worker.settings.content, in: store
        ).map { entry in
            var entry = entry
            entry.isPaused = paused.contains(entry.endpoint.name)
            return entry
        }
    }

    /// By stage; those of stages that are gone last.
    private func all() async throws -> [(stage: String, entries: [EndpointDirectory.Entry])] {
        var all: [(stage: String, entries: [EndpointDirectory.Entry])] = []
        let workers = registry.all
        for worker in workers { all.append((worker.stage, try await entries(of: worker))) }
        return all + (try await EndpointDirectory.Entry.withoutStage(besides: workers.map(\.stage), in: store))
    }

    private func find(_ name: String, stage: String) async throws -> EndpointDirectory.Entry {
        for (other, entries) in try await all() where other == stage {
            if let entry = entries.first(where: { $0.endpoint.name == name }) { return entry }
        }
        throw Rejection(code: "conflict", message: "The endpoint “\(name)” was removed.")
    }

    private func find(_ name: String) async throws -> (worker: DeliveryWorker, entry: EndpointDirectory.Entry) {
        for worker in registry.all {
            if let entry = try await entries(of: worker).first(where: { $0.endpoint.name == name }) {
                return (worker, entry)
            }
        }
        for entry in try await all().flatMap(\.entries) where entry.endpoint.name == name {
            try entry.requireUsable()
        }
        throw Rejection.unknown(name)
    }
}

extension Rejection {
    fileprivate static func unknown(_ endpoint: String) -> Rejection {
        Rejection(code: "not_found", message: "There is no endpoint “\(endpoint)”.")
    }

    fileprivate static func unknown(_ id: Int64) -> Rejection {
        Rejection(code: "not_found", message: "There is no delivery \(id).")
    }
}

extension EndpointDirectory.Entry {
    /// - Throws: ``Rejection`` when nothing would be sent to it.
    fileprivate func requireUsable() throws {
        guard let obstacle else { return }
        throw Rejection(code: "conflict", message: "The endpoint “\(endpoint.name)” \(obstacle)")
    }

    /// - Parameter warnings: What is likely not meant; nil: nobody looked.
    fileprivate func json(stage: String, _ counts: DeliveryCounts?, _ warnings: [String]? = nil) -> JSONValue {
        let options = endpoint.options
        var object: JSONObject = [
            "name": .string(endpoint.name), "stage": .string(stage), "url": .string("\(endpoint.url)"),
            "events": .array(options.events.map { .string($0.rawValue) }), "state": .string(state),
            "enabled": .bool(options.enabled), "when": options.when?.json ?? .null,
            "content": .string(endpoint.content.rawValue), "ordering": .string(options.ordering.rawValue),
            "timeout": .string(options.timeout.optionText), "concurrency": .integer(Int64(options.concurrency)),
            "headers": .array(options.headers.keys.sorted().map { .string($0) }),
            "hasTemplate": .bool(options.template != nil), "isSigned": .bool(!options.secrets.isEmpty),
            "source": endpoint.isAdded ? "api" : "config", "open": .integer(Int64(counts?.open ?? 0)),
            "dead": .integer(Int64(counts?.dead ?? 0)),
            "oldestOpen": counts?.oldestOpen.map { .string($0.iso8601) } ?? .null,
        ]
        object["warnings"] = warnings.map { .array($0.map { .string($0) }) }
        return .object(object)
    }
}

extension DeliveryCounts {
    /// Nothing else is known of the endpoint.
    fileprivate func jsonOfRemoved(stage: String) -> JSONValue {
        [
            "name": .string(endpoint), "stage": .string(stage), "state": "removed", "open": .integer(Int64(open)),
            "dead": .integer(Int64(dead)), "oldestOpen": oldestOpen.map { .string($0.iso8601) } ?? .null,
        ]
    }
}

extension StoredDelivery {
    fileprivate var json: JSONObject {
        [
            "id": .integer(id), "endpoint": .string(endpoint), "stage": .string(stage), "eventId": .string(eventID),
            "type": .string(type), "state": .string(state.rawValue), "attempts": .integer(Int64(attempts)),
            "createdAt": .string(createdAt.iso8601),
            "nextAttemptAt": state == .scheduled ? .string(dueAt.iso8601) : .null,
            "finishedAt": finishedAt.map { .string($0.iso8601) } ?? .null,
            "status": status.map { .integer(Int64($0)) } ?? .null, "error": error.map { .string($0) } ?? .null,
        ]
    }
}

extension StoredAttempt {
    fileprivate var json: JSONValue {
        [
            "at": .string(at.iso8601), "durationMs": .integer(duration.wholeMilliseconds),
            "status": status.map { .integer(Int64($0)) } ?? .null, "error": error.map { .string($0) } ?? .null,
            "answer": .string(answer),
        ]
    }
}
