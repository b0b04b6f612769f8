import JSON
package import MiddlewareKit

/// An endpoint of a stage, ready to be called.
package struct Endpoint: Sendable {
    package let name: String
    package let url: HTTPAddress
    package let options: EndpointOptions
    /// Added at run time; else it stands in config.yaml.
    package let isAdded: Bool
    let content: EventContent

    /// Nil when the options have no address, which reading them does not allow.
    package init?(_ options: EndpointOptions, content: EventContent, isAdded: Bool) {
        guard let url = options.url else { return nil }
        name = options.name
        self.url = url
        self.options = options
        self.isAdded = isAdded
        self.content = options.content ?? content
    }

    func wants(_ event: ReceivedEvent) -> Bool {
        if event.type == EventType.test { return event.endpoint == name }
        return options.enabled && options.events.contains { $0.rawValue == event.type }
            && options.when?.matches(event) ?? true
    }

    /// The call that tells of an event.
    ///
    /// The id is the same on every attempt, so that an endpoint knows an event that it has had (Standard Webhooks).
    func call(_ delivery: DueDelivery, now: Timestamp, rules: AddressRules) -> HTTPCall {
        let received = ReceivedEvent(delivery.payload)
        let body = Array((received.map { text(of: $0, stored: delivery.payload) } ?? delivery.payload).utf8)
        let seconds = now.milliseconds / 1000
        var headers = [
            (name: "Content-Type", value: "application/json"), (name: "webhook-id", value: delivery.eventID),
            (name: "webhook-timestamp", value: "\(seconds)"),
        ]
        if let trace = received?.traceparent { headers.append((name: "traceparent", value: trace)) }
        if !options.secrets.isEmpty {
            let signature = options.secrets.signature(id: delivery.eventID, timestamp: seconds, body: body)
            headers.append((name: "webhook-signature", value: signature))
        }
        headers += options.headers.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value.revealed) }
        var call = HTTPCall(url: url, headers: headers, body: body, timeout: options.timeout, rules: rules)
        // Whoever takes webhooks knows by the id what came before.
        call.mayArriveTwice = true
        return call
    }

    private func text(of event: ReceivedEvent, stored: String) -> String {
        if let template = options.template { return template.render(event.json(content: content)) }
        return event.isWithin(content) ? stored : event.json(content: content).encoded()
    }
}
