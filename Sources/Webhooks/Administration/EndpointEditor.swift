package import JSON
package import MiddlewareKit

/// Adds and changes the endpoints of a stage that are not in config.yaml, with the same checks as there.
package struct EndpointEditor: Sendable {
    /// An endpoint that passed the checks, and what of its options is likely not meant.
    package typealias Result = (endpoint: Endpoint, warnings: [String])

    private let stage: String
    private let settings: DeliverySettings
    private let store: any DeliveryStore

    package init(stage: String, settings: DeliverySettings, store: any DeliveryStore) {
        self.stage = stage
        self.settings = settings
        self.store = store
    }

    /// - Parameter body: The options of an endpoint as in config.yaml.
    /// - Throws: ``Rejection`` that says what is wrong with the body.
    package func add(_ body: JSONObject, now: Timestamp, isFree: (String) -> Bool) async throws -> Result {
        let new = try checked(body)
        let (name, text) = (new.endpoint.name, JSONValue.object(body).encoded())
        guard isFree(name), try await store.addEndpoint(stage: stage, name: name, settings: text, now: now)
        else { throw Rejection(code: "conflict", message: "There is an endpoint “\(name)” already.") }
        return new
    }

    /// - Parameter body: The options that are to be different; null takes one back to its default.
    /// - Throws: ``Rejection`` that says what is wrong with the body.
    package func change(_ name: String, _ body: JSONObject, now: Timestamp) async throws -> Result {
        if let new = body["name"], new.string != name {
            throw Rejection.bad("an endpoint keeps its `name`; remove it and add it again")
        }
        guard let stored = try await store.addedEndpoints(stage: stage).first(where: { $0.name == name }) else {
            throw Rejection(
                code: "conflict", message: "The endpoint “\(name)” stands in config.yaml; change it there.")
        }
        let old = (try? JSONValue(parsing: stored.settings))?.object ?? [:]
        var object = old
        for (key, value) in body { object[key] = value.isNull ? nil : value }
        // They may hold credentials: whoever may change the address may still not read them.
        if body["headers"] == nil, Self.origin(of: old) != Self.origin(of: object) { object["headers"] = nil }
        object["name"] = .string(name)
        let changed = try checked(object)
        guard
            try await store.changeEndpoint(
                stage: stage, name: name, settings: JSONValue.object(object).encoded(), now: now)
        else { throw Rejection(code: "not_found", message: "There is no endpoint “\(name)”.") }
        return changed
    }

    private static func origin(of settings: JSONObject) -> String? {
        settings["url"]?.string.flatMap { try? HTTPAddress($0).origin }
    }

    private func checked(_ body: JSONObject) throws -> Result {
        let (read, problems) = EndpointOptions.read(body)
        guard var options = read else { throw Rejection.bad(problems.joined(separator: "; ")) }
        if let problem = options.problem(under: settings.rules) { throw Rejection.bad(problem) }
        if let content = options.content, content > settings.storedContent {
            throw Rejection.bad(
                "`content: \(content.rawValue)` is more than the stage keeps; set its `content` in config.yaml")
        }
        options.givenName = options.name
        guard let endpoint = Endpoint(options, content: settings.content, isAdded: true) else {
            throw Rejection.bad("`url` is missing")
        }
        return (endpoint, problems)
    }
}

extension Rejection {
    static func bad(_ message: String) -> Rejection { Rejection(code: "bad_request", message: message) }
}
