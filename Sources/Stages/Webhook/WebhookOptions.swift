package import MiddlewareKit
package import Webhooks

/// The `with` block of `webhook`.
package struct WebhookOptions: OptionGroup {
    package var endpoints: [EndpointOptions] = []
    package var content = EventContent.text
    package var schedule: [Duration] = [
        .zero, .seconds(5), .seconds(300), .seconds(1800), .seconds(7200), .seconds(18_000), .seconds(36_000),
        .seconds(50_400), .seconds(72_000), .seconds(86_400),
    ]
    package var jitter = 0.2
    package var allowPrivate: [IPNetwork] = []
    package var ports = [80, 443]
    package var keepDelivered: Duration = .seconds(7 * 86_400)
    package var keepDead: Duration = .seconds(30 * 86_400)
    /// Not for the file: see ``DeliverySettings/pace``.
    package var pace: Duration = .milliseconds(100)

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "endpoints", \.endpoints, help: "Whom to tell. More can be added at run time.",
            example: "[ { url: \"https://example.com/hook\", events: [message.final] } ]"),
        Option(
            "content", \.content,
            help: """
                How much of a message endpoints get that do not say it themselves. none: who, where and when. text: the \
                text too. blocks: and the parts that are no text.
                """),
        Option(
            "schedule", \.schedule, help: "The wait before each attempt; after the last one an event is given up.",
            check: { waits in
                if waits.isEmpty || waits.count > 50 { return "must have 1 to 50 waits" }
                return waits.allSatisfy { $0 <= .seconds(30 * 86_400) } ? nil : "must have no wait of more than 30d"
            }),
        Option(
            "jitter", \.jitter, help: "The part by which a wait may be longer or shorter, at random.", range: 0...1),
        Option(
            "allow-private", \.allowPrivate,
            help: "Networks that may be called although they are not public.", example: "[10.0.0.0/8]"),
        Option(
            "ports", \.ports, help: "The ports that may be called.", example: "[443, 8443]",
            check: { ports in
                ports.isEmpty || !ports.allSatisfy { (1...65_535).contains($0) } ? "must hold numbers of ports" : nil
            }),
        Option(
            "keep-delivered", \.keepDelivered, help: "How long delivered events can be looked at.",
            range: .seconds(60) ... .seconds(365 * 86_400)),
        Option(
            "keep-dead", \.keepDead, help: "How long events that were given up can be delivered again.",
            range: .seconds(3600) ... .seconds(365 * 86_400)),
    ]

    package var rules: AddressRules { AddressRules(allowed: allowPrivate, ports: ports) }

    /// How much of a message is stored, so that every endpoint has enough.
    package var storedContent: EventContent {
        endpoints.compactMap(\.content).max().map { max($0, content) } ?? content
    }

    package var settings: DeliverySettings {
        DeliverySettings(
            schedule: RetrySchedule(waits: schedule, jitter: jitter), rules: rules, content: content,
            storedContent: storedContent, keepDelivered: keepDelivered, keepDead: keepDead, pace: pace)
    }

    package var ready: [Endpoint] { endpoints.compactMap { Endpoint($0, content: content, isAdded: false) } }
}

/// Makes webhook stages.
package enum WebhookPlugin: MiddlewarePlugin {
    package static let kind = "webhook"
    package static let summary =
        "Tells other systems what happens, by signed HTTP calls that are repeated until they arrive."
    /// A chat goes on when nobody can be told of it.
    package static let defaultOnError = FailurePolicy.open
    /// The database bounds itself.
    package static let defaultTimeout: Duration? = nil
    package static let isQuick = true

    package static func validate(_ options: WebhookOptions, in environment: StageEnvironment) -> [OptionProblem] {
        var problems: [OptionProblem] = []
        var names: Set<String> = []
        for (index, endpoint) in options.endpoints.enumerated() {
            let place = "endpoints[\(index + 1)]"
            if !names.insert(endpoint.name).inserted {
                problems.append(
                    OptionProblem(
                        key: "\(place).name",
                        message: "two endpoints have the name \(endpoint.name); give one of them a `name` of its own"))
            }
            if let problem = endpoint.problem(under: options.rules) {
                problems.append(OptionProblem(key: "\(place).url", message: problem))
            }
        }
        return problems
    }

    package static func handles(_ options: WebhookOptions) -> StagePaths? { Webhook.paths }

    package static func advise(_ options: WebhookOptions, at place: ChainPlace) -> [OptionProblem] {
        var advice: [OptionProblem] = []
        for (index, endpoint) in options.endpoints.enumerated() {
            let key = "endpoints[\(index + 1)]"
            if !endpoint.enabled {
                advice.append(
                    OptionProblem(
                        key: "\(key).enabled",
                        message: "the endpoint \(endpoint.name) is not enabled, so it is told of nothing",
                        hint: "delete it, or leave out `enabled`"))
            }
            advice += (endpoint.when?.gateway?.words ?? []).compactMap {
                place.problem(ofGateway: $0, key: "\(key).when.gateway")
            }
        }
        // In shadow it keeps no event.
        if place.isShadow { return advice }
        return advice + self.advice(ofHidden: options, at: place) + self.advice(ofPersist: place)
    }

    /// What endpoints are told although a stage hides it: events are kept by `persist`, or, without one above, by the stage.
    private static func advice(ofHidden options: WebhookOptions, at place: ChainPlace) -> [OptionProblem] {
        guard options.storedContent >= .text else { return [] }
        let persist = place.above.lastIndex(of: PersistPlugin.kind)
        let keeper = persist == nil ? kind : PersistPlugin.kind
        let later = persist.map { place.above[$0...] + place.below } ?? place.below[...]
        return PersistPlugin.hiding.filter { later.contains($0.kind) }.map { kind, hidden in
            OptionProblem(
                message: "`\(keeper)` stands above `\(kind)`, so endpoints are told \(hidden) all the same"
                    + (persist == nil ? "" : ": they get what `persist` stores"),
                hint: "move `\(keeper)` below `\(kind)`")
        }
    }

    private static func advice(ofPersist place: ChainPlace) -> [OptionProblem] {
        guard !place.above.contains(PersistPlugin.kind) else { return [] }
        let isBelow = place.below.contains(PersistPlugin.kind)
        return [
            OptionProblem(
                message:
                    "no `persist` stands above `webhook`, so events are not stored together with their messages: after a "
                    + "crash there may be one without the other",
                hint: isBelow ? "move `webhook` below `persist`" : "add `- use: persist` above it")
        ]
    }

    package static func provision(_ options: WebhookOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        guard let store = context[DeliveryStoreKey.self] else { throw MissingService() }
        let settings = options.settings
        let added = try await store.addedEndpoints(stage: context.stageName).compactMap { name, settings in
            Endpoint(stored: settings, name: name, content: options.content)
        }
        let worker = DeliveryWorker(
            stage: context.stageName, configured: options.ready, added: added, settings: settings,
            services: DeliveryServices(store: store, http: context.http, time: context.time), logger: context.logger)
        return Webhook(
            worker: worker, store: store, content: settings.storedContent, time: context.time,
            registry: context[WebhookRegistryKey.self])
    }
}

/// The webhook stage cannot be made where there is no database.
private struct MissingService: Error, CustomStringConvertible {
    let description = "webhooks need a database to keep events in"
}
