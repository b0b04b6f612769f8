package import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
package import Settings

/// The server of the same configuration, as a command on the same machine reaches it.
package struct RunningServer: Sendable {
    /// How a gateway is doing, in the words of ``/readyz``.
    package struct GatewayState: Sendable, Hashable {
        package let isConnected: Bool
        package let state: String
        package let reason: String?
        package let remedy: String?
        package let serverVersion: String?
        package let protocolVersion: Int?
        package let latencyMs: Int?
        /// When the state began, in milliseconds since 1970.
        package let since: Int?
        /// Failed ones since the connection was last up.
        package let attempts: Int
        package let lastError: String?
    }

    /// By gateway id.
    package let gateways: [String: GatewayState]
    /// Whether it also said why a gateway is away; without a good access key it does not where keys are needed.
    package let tellsReasons: Bool
    /// What the server says against a wish.
    package struct Refusal: Sendable, Hashable {
        package let words: String
        /// Another access key could help.
        package let isAboutKey: Bool
    }

    private let address: LocalHTTP.Address

    /// Nil when no Sluice answers at the address of the settings.
    ///
    /// - Parameter key: An access key, where the server asks who is there.
    package static func find(_ all: Settings, key: String? = nil) async -> RunningServer? {
        let settings = all.server
        let host =
            switch settings.host {
            case "0.0.0.0", "": "127.0.0.1"
            case "::", "[::]": "::1"
            default: settings.host
            }
        let address = LocalHTTP.Address(host: host, port: settings.port, tlsFiles: all.tlsFiles)
        guard settings.port > 0, let answer = try? await LocalHTTP.send(.GET, "/readyz", to: address, key: key),
            let body = try? JSONValue(parsing: answer.body), let rows = body["gateways"]?.array
        else { return nil }
        var gateways: [String: GatewayState] = [:]
        for row in rows { gateways[row["id"]?.string ?? ""] = GatewayState(row) }
        return RunningServer(
            gateways: gateways, tellsReasons: rows.allSatisfy { $0["state"] != nil }, address: address)
    }

    /// Lets the server add a gateway and connect to it.
    ///
    /// - Parameter key: The access key of an administrator, where the server asks who is there.
    /// - Returns: What the server says against it; nil: it is added.
    package func add(
        id: String, name: String, url: String, token: String?, password: String?, options: JSONObject, key: String?
    ) async throws -> Refusal? {
        var body: JSONObject = ["id": .string(id), "name": .string(name), "url": .string(url)]
        body["token"] = token.map { .string($0) }
        body["password"] = password.map { .string($0) }
        if options.count > 0 { body["options"] = .object(options) }
        let answer = try await LocalHTTP.send(
            .POST, "/api/gateways", to: address, key: key, body: JSONValue.object(body).encoded())
        if answer.status == .created { return nil }
        return Self.problem(answer)
    }

    /// Lets the server connect to a gateway at once.
    ///
    /// - Parameter key: As for ``add``.
    /// - Returns: What the server says against it; nil: it tries.
    package func connect(id: String, key: String?) async throws -> Refusal? {
        let answer = try await LocalHTTP.send(
            .POST, "/api/gateways/\(id)/connect", to: address, key: key)
        return answer.status == .ok ? nil : Self.problem(answer)
    }

    /// Lets the server remove a gateway, and waits until that is done.
    ///
    /// - Parameter runs: What becomes of answers under way: `finish` or `abort`; nil: what the gateway's options say.
    /// - Parameter key: As for ``add``.
    /// - Returns: What the server says against it; nil: it is removed.
    package func remove(id: String, runs: String?, key: String?) async throws -> Refusal? {
        let query = runs.map { "?runs=\($0)" } ?? ""
        // Somewhat longer than the server lets answers go on.
        let answer = try await LocalHTTP.send(
            .DELETE, "/api/gateways/\(id)\(query)", to: address, key: key, atMost: .seconds(90))
        return answer.status == .ok ? nil : Self.problem(answer)
    }

    private static func problem(_ answer: LocalHTTP.Answer) -> Refusal {
        let words = (try? JSONValue(parsing: answer.body))?["error"]?["message"]?.string
        return Refusal(
            words: words ?? "it answered HTTP \(answer.status.code)",
            isAboutKey: [.unauthorized, .forbidden].contains(answer.status))
    }
}

extension RunningServer.GatewayState {
    fileprivate init(_ row: JSONValue) {
        isConnected = row["connected"]?.bool ?? false
        state = row["state"]?.string ?? (isConnected ? "ready" : "away")
        reason = row["reason"]?.string
        remedy = row["remedy"]?.string
        serverVersion = row["serverVersion"]?.string
        protocolVersion = row["protocol"]?.int
        latencyMs = row["latencyMs"]?.int
        since = row["since"]?.int
        attempts = row["attempts"]?.int ?? 0
        lastError = row["lastError"]?.string
    }
}
