package import JSON

/// What people are shown of a delivery's event: what its endpoint is sent, as it is set up now, and no more.
package struct ShownEvent: Sendable {
    /// Null: it was not written by this version, or was damaged.
    package let event: JSONValue
    /// What the endpoint's template makes of it; nil: it has none, and the event itself is sent.
    package let body: String?

    /// - Parameter entries: The endpoints of the delivery's stage.
    /// - Parameter stageContent: How much an endpoint gets that is gone, and can say it no more: as much as one that does not say it.
    ///   Nil: the stage is gone too, and nothing is known.
    package init(
        _ payload: String, to endpoint: String, among entries: [EndpointDirectory.Entry], stageContent: EventContent?
    ) {
        guard let received = ReceivedEvent(payload) else {
            (event, body) = (.null, nil)
            return
        }
        let endpoint = entries.first { $0.endpoint.name == endpoint }?.endpoint
        event = received.json(content: endpoint?.content ?? stageContent ?? EventContent.none)
        body = endpoint?.options.template?.render(event)
    }
}
