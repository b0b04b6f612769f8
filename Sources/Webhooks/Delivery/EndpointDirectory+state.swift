package import MiddlewareKit

extension EndpointDirectory.Entry {
    /// In one word.
    package var state: String {
        if lostStage != nil { return "without-stage" }
        return !endpoint.options.enabled ? "disabled" : isGone ? "gone" : isPaused ? "paused" : "active"
    }

    /// Why nothing is sent to it, until somebody does something about it; to stand after its name.
    package var obstacle: String? {
        if let lostStage {
            return
                "belongs to the stage “\(lostStage)”, which the configuration does not have: name a webhook stage so, or delete it."
        }
        if !endpoint.options.enabled { return "is disabled (`enabled: false`); set `enabled: true` first." }
        return isGone ? "said that it is gone (HTTP 410); enable it first." : nil
    }

    /// The endpoints of a stage as the database knows them, which is sooner than the worker. Whether one is paused is not there.
    package static func all(
        stage: String, configured: [Endpoint], content: EventContent, in store: any DeliveryStore
    ) async throws -> [EndpointDirectory.Entry] {
        let added = try await store.addedEndpoints(stage: stage).compactMap { name, settings in
            Endpoint(stored: settings, name: name, content: content)
        }
        let gone = try await store.goneEndpoints(stage: stage)
        let endpoints = configured + added.filter { new in !configured.contains { $0.name == new.name } }
        return endpoints.map { endpoint in
            let isGone = gone.contains { $0.name == endpoint.name && $0.address == endpoint.url.fingerprint }
            return EndpointDirectory.Entry(endpoint: endpoint, isGone: isGone)
        }
    }

    /// Endpoints that were added to stages which the configuration does not have, by stage.
    package static func withoutStage(
        besides stages: [String], in store: any DeliveryStore
    ) async throws -> [(stage: String, entries: [EndpointDirectory.Entry])] {
        var lost: [(stage: String, entries: [EndpointDirectory.Entry])] = []
        for stage in try await store.stagesWithAddedEndpoints() where !stages.contains(stage) {
            let entries = try await all(stage: stage, configured: [], content: .text, in: store).map { entry in
                var entry = entry
                entry.lostStage = stage
                return entry
            }
            lost.append((stage, entries))
        }
        return lost
    }

    /// Whether a running server leaves it alone now, as far as the database tells.
    package func seemsPaused(stage: String, in store: any DeliveryStore) async throws -> Bool {
        try await store.failsAgainAndAgain(
            stage: stage, endpoint: endpoint.name, attempts: CircuitBreaker.threshold)
    }
}

extension [DeliveryCounts] {
    /// Those of endpoints that the stage does not have any more, and for which something is left.
    package func ofRemoved(besides entries: [EndpointDirectory.Entry]) -> [DeliveryCounts] {
        filter { count in count.open > 0 && !entries.contains { $0.endpoint.name == count.endpoint } }
    }
}
