import Foundation
import HTTPTypes
import Hummingbird
import JSON
import MiddlewareKit
import Webhooks

/// Webhook endpoints and what became of their deliveries, for administrators.
extension Routes {
    func addWebhooks(_ webhooks: WebhookAdministration, to group: RouterGroup<CallContext>) {
        addEndpoints(webhooks, to: group.group("endpoints"))
        addDeliveries(webhooks, to: group.group("deliveries"))
    }

    private func addEndpoints(_ webhooks: WebhookAdministration, to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get { request, call in
            try await hub.requireAdministrator(request, call)
            return Response(json: try await webhooks.endpoints())
        }
        group.post { request, call in
            var request = request
            try await hub.requireAdministrator(request, call)
            return Response(.created, json: try await webhooks.addEndpoint(try await request.jsonObject()))
        }
        group.patch("{name}") { request, call in
            var request = request
            try await hub.requireAdministrator(request, call)
            let name = try call.parameter("name")
            return Response(json: try await webhooks.changeEndpoint(name, try await request.jsonObject()))
        }
        group.delete("{name}") { request, call in
            try await hub.requireAdministrator(request, call)
            try await webhooks.removeEndpoint(try call.parameter("name"))
            return Response(json: ["ok": true])
        }
        group.post("{name}/enable") { request, call in
            try await hub.requireAdministrator(request, call)
            try await webhooks.enableEndpoint(try call.parameter("name"))
            return Response(json: ["ok": true])
        }
        group.post("{name}/test") { request, call in
            try await hub.requireAdministrator(request, call)
            return Response(.accepted, json: ["eventId": .string(try await webhooks.test(try call.parameter("name")))])
        }
    }

    private func addDeliveries(_ webhooks: WebhookAdministration, to group: RouterGroup<CallContext>) {
        let hub = hub
        group.get { request, call in
            try await hub.requireAdministrator(request, call)
            return Response(json: try await webhooks.deliveries(try request.deliveryFilter()))
        }
        group.post("replay") { request, call in
            var request = request
            try await hub.requireAdministrator(request, call)
            let body = try await request.jsonObject()
            try body.requireOnly("since", "endpoint")
            guard let text = try body.string("since"), let since = Timestamp(iso8601: text) else {
                throw Rejection.badRequest("`since` must be a time such as 2026-01-31T00:00:00Z.")
            }
            let count = try await webhooks.replayDead(since: since, endpoint: try body.string("endpoint"))
            return Response(.accepted, json: ["replayed": .integer(Int64(count))])
        }
        group.get("{id}") { request, call in
            try await hub.requireAdministrator(request, call)
            return Response(json: try await webhooks.delivery(id: try call.deliveryID()))
        }
        group.post("{id}/replay") { request, call in
            try await hub.requireAdministrator(request, call)
            try await webhooks.replay(id: try call.deliveryID())
            return Response(.accepted, json: ["ok": true])
        }
    }
}

extension CallContext {
    fileprivate func deliveryID() throws -> Int64 {
        guard let id = Int64(try parameter("id")) else {
            throw Rejection.badRequest("The id of a delivery is a whole number.")
        }
        return id
    }
}

extension Request {
    fileprivate func deliveryFilter() throws -> DeliveryFilter {
        let query = uri.queryParameters
        let known = ["endpoint", "type", "state", "limit", "before"]
        // One that is misspelt would show all deliveries, as if each of them fitted.
        if let other = query.first(where: { !known.contains(String($0.key)) }) {
            throw Rejection.badRequest(
                "There is no parameter `\(other.key.prefix(40))`. Known are \(known.joined(separator: ", ")).")
        }
        var filter = DeliveryFilter(
            endpoint: query["endpoint"].map { String($0) }, type: query["type"].map { String($0) })
        if let type = filter.type, !EventType.names.contains(type) {
            throw Rejection.badRequest("`type` must be one of \(EventType.names.joined(separator: ", ")).")
        }
        if let word = query["state"] {
            guard let state = DeliveryState(rawValue: String(word)) else {
                let words = DeliveryState.allCases.map(\.rawValue).joined(separator: ", ")
                throw Rejection.badRequest("`state` must be one of \(words).")
            }
            filter.state = state
        }
        if let text = query["limit"] {
            guard let limit = Int(text), (1...500).contains(limit) else {
                throw Rejection.badRequest("`limit` must be between 1 and 500.")
            }
            filter.limit = limit
        }
        if let text = query["before"] {
            guard let before = Int64(text) else { throw Rejection.badRequest("`before` must be a whole number.") }
            filter.before = before
        }
        return filter
    }
}

extension Timestamp {
    /// Nil unless it is a time as ISO 8601 has it, with its zone.
    package init?(iso8601 text: String) {
        guard let date = try? Date(text, strategy: .iso8601), text.beginsWithRealDay else { return nil }
        let numbers = text.prefix(19).split { "-T: ".contains($0) }.map { Int($0) }
        guard numbers.count == 6, numbers.allSatisfy({ $0 != nil }) else { return nil }
        self.init(milliseconds: Int64(date.timeIntervalSince1970 * 1000))
    }
}
