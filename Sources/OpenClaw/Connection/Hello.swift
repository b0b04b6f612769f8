package import JSON
package import MiddlewareKit

/// What a `hello-ok` says (OpenClaw protocol: hello-ok payload), read leniently.
package struct Hello: Sendable, Equatable {
    package var protocolVersion: Int
    package var serverVersion: String?
    /// Nil when the gateway does not tell, as some of protocol 3 do.
    package var scopes: [String]?
    package var deviceToken: Secret?
    /// The largest frame that the gateway takes.
    package var maxPayload: Int
    /// Decoded bytes of one attachment, if the gateway tells.
    package var maxAttachmentBytes: Int?
    package var maxImageBytes: Int?
    /// How many unsent bytes the gateway keeps for a client.
    package var maxBufferedBytes: Int
    package var tickInterval: Duration
    package var methods: [String]
    package var sessionDefaults: JSONValue?
    /// How long the gateway had been running, if it tells.
    package var uptime: Duration?

    init(payload: JSONValue) {
        protocolVersion = payload["protocol"]?.int ?? ConnectRequest.minProtocol
        serverVersion = payload["server"]?["version"]?.string
        scopes = payload["auth"]?["scopes"]?.array?.compactMap(\.string)
        // From protocol 4 on no scopes means no permissions.
        if scopes == nil, protocolVersion >= 4, payload["auth"]?.object != nil { scopes = [] }
        deviceToken = payload["auth"]?["deviceToken"]?.string.map(Secret.init)
        let policy = payload["policy"]
        maxPayload = policy?["maxPayload"]?.int.flatMap { $0 > 0 ? $0 : nil } ?? 25 << 20
        maxBufferedBytes = policy?["maxBufferedBytes"]?.int.flatMap { $0 > 0 ? $0 : nil } ?? 50 << 20
        maxAttachmentBytes = policy?["attachments"]?["maxBytes"]?.int
        maxImageBytes = policy?["attachments"]?["maxImageBytes"]?.int
        let tick = policy?["tickIntervalMs"]?.int.flatMap { $0 > 0 ? $0 : nil } ?? 30_000
        tickInterval = .milliseconds(min(max(tick, 1_000), 3_600_000))
        methods = payload["features"]?["methods"]?.array?.compactMap(\.string) ?? []
        sessionDefaults = payload["snapshot"]?["sessionDefaults"]
        uptime = payload["snapshot"]?["uptimeMs"]?.int.map { .milliseconds($0) }
    }

    /// Chatting needs both; admin and write imply reading.
    var missingScopes: [String] {
        guard let scopes, !scopes.contains("operator.admin") else { return [] }
        if scopes.contains("operator.write") { return [] }
        return (scopes.contains("operator.read") ? [] : ["operator.read"]) + ["operator.write"]
    }
}
