import JSON
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import Storage

/// Questions with one answer, the same over WebSocket and HTTP. Each goes through the chain first.
extension BrowserHub {
    /// Sends a message of `kind` through the chain and returns what `terminal` makes of it.
    func call<Value: Sendable>(
        _ kind: MessageKind, gateway: String, session: SessionID? = nil, runID: String? = nil, context: MessageContext,
        terminal: @escaping @Sendable (Principal) async throws -> Value
    ) async throws -> Value {
        let result = CallResult<Value>()
        let message = InboundMessage(kind: kind, gateway: gateway, sessionKey: session?.key, runID: runID)
        // Who only asks who calls, as for each look at the metrics, does nothing that is worth a trace.
        let traced = kind == .connect ? context : traced(context, kind.rawValue, session, runID: runID)
        let context = watched(traced, MessageFacts(message, context))
        do {
            let passage = try await chain(for: message, context).send(message, context: context) { _, context in
                result.value = try await terminal(context.principal ?? .anonymous)
            }
            let value = try result.take(after: passage)
            context.endTrace()
            return value
        } catch {
            if traces != nil { context.endTrace(Rejection(answering: error, logger: context.logger)) }
            throw error
        }
    }

    func call<Value: Sendable>(
        _ kind: MessageKind, in session: SessionID, runID: String? = nil, context: MessageContext,
        terminal: @escaping @Sendable (Principal) async throws -> Value
    ) async throws -> Value {
        try await call(
            kind, gateway: session.gateway, session: session, runID: runID, context: context, terminal: terminal)
    }

    func sessionID(gateway: String, key: String) -> SessionID {
        SessionID(gateway: gateway, key: gateways.assumeIsolated { $0.canonicalKey(key, gateway: gateway) })
    }

    /// The session, if the principal of the context may have to do with it.
    func session(_ id: SessionID, for context: MessageContext) async throws -> Session {
        let session = try await session(id)
        guard session.permits(context.principal ?? .anonymous) else {
            forgetIfIdle(session)
            throw Rejection.forbidden
        }
        return session
    }

    /// - Throws: ``Rejection`` when the session belongs to somebody else.
    func checkAccess(to id: SessionID, by principal: Principal) async throws {
        let session = try await session(id)
        defer { forgetIfIdle(session) }
        guard session.permits(principal) else { throw Rejection.forbidden }
    }

    // MARK: History

    struct HistoryPage: Sendable {
        /// The array of messages, oldest first.
        let messages: ByteBuffer
        /// Where the page before this one ends; nil when there is none.
        let before: Int64?

        var payload: ByteBuffer {
            var buffer = ByteBuffer()
            buffer.reserveCapacity(messages.readableBytes + 64)
            buffer.writeStaticString("{\"messages\":")
            buffer.writeImmutableBuffer(messages)
            buffer.writeString(",\"before\":\(before.map { "\($0)" } ?? "null")}")
            return buffer
        }
    }

    /// - Parameter refresh: Look at the gateway's history again first.
    func history(
        _ id: SessionID, limit: Int, before: Int64?, refresh: Bool = false, context: MessageContext
    ) async throws -> HistoryPage {
        try await call(.history, in: id, context: context) { principal in
            try await self.checkAccess(to: id, by: principal)
            let page = try await self.page(
                of: id, for: principal, limit: limit, before: before, refresh: refresh)
            return HistoryPage(messages: page.json, before: page.before)
        }
    }

    // MARK: Abort

    func abort(_ id: SessionID, runID: String?, context: MessageContext) async throws -> ByteBuffer {
        let gateways = gateways
        return try await call(.abort, in: id, runID: runID, context: context) { principal in
            try await self.checkAccess(to: id, by: principal)
            var (aborted, runIDs): (Bool, [String]) = (false, [])
            let gatewayRunID = await self.gatewayRunID(runID, in: id)
            for upstream in await self.upstreams(of: id, runID: runID) {
                let answer = try await gateways.abort(
                    gateway: upstream.gateway, sessionKey: upstream.key, runID: gatewayRunID)
                aborted = aborted || answer.aborted
                runIDs += answer.runIDs
            }
            var buffer = ByteBuffer()
            buffer.writeJSON(["aborted": .bool(aborted), "runIds": .array(runIDs.map { .string($0) })])
            return buffer
        }
    }

    /// What the gateway calls the run.
    private func gatewayRunID(_ runID: String?, in id: SessionID) -> String? {
        sessions[id]?.runs.first { $0.run.id == runID }?.gatewayRunID ?? runID
    }

    /// The sessions in which a run, or any run of a session, may be under way.
    private func upstreams(of id: SessionID, runID: String?) -> [SessionID] {
        let runs = sessions[id]?.runs ?? []
        if let runID { return [runs.first { $0.run.id == runID }?.upstream ?? id] }
        return Set(runs.map(\.upstream)).subtracting([id]).sorted { $0.gateway < $1.gateway } + [id]
    }

    // MARK: Lists

    func list(_ action: BrowserRequest.Action, gateway: String, context: MessageContext) async throws -> ByteBuffer {
        let value: JSONValue
        switch action {
        case .agents:
            value = try await call(.agents, gateway: gateway, context: context) { _ in await self.agents(of: gateway) }
        case .models(let view):
            value = try await call(.models, gateway: gateway, context: context) { _ in
                try await self.models(view: view, of: gateway)
            }
        case .sessions(let query):
            let page = try await call(.sessions, gateway: gateway, context: context) { principal in
                try await self.sessions(query, of: gateway, for: principal)
            }
            value = ["sessions": .array(page.rows), "before": page.before.map { .integer($0) } ?? .null]
        default:
            value = try await call(.gateways, gateway: "", context: context) { _ in
                ["gateways": .array(await self.gatewayList())]
            }
        }
        var buffer = ByteBuffer()
        buffer.writeJSON(value)
        return buffer
    }

    func metadata(of gateway: String) -> GatewayMetadata? {
        gateways.assumeIsolated { $0.metadata(of: gateway) }
    }

    func status(of gateway: String) -> GatewayStatus? {
        gateways.assumeIsolated { $0.status(of: gateway) }
    }

    /// `{id, name, url, connected}` of every gateway; never a token.
    func gatewayList() -> [JSONValue] {
        gateways.assumeIsolated { $0.statuses }.map { configuration, status in
            [
                "id": .string(configuration.id), "name": .string(configuration.name), "url": .string(configuration.url),
                "connected": .bool(status.isConnected),
            ]
        }
    }

    /// - Throws: ``Rejection`` that says why a message for the gateway can neither go out nor wait.
    func requireRoom(on gateway: String, for principal: Principal) throws {
        guard retirements[gateway] == nil else {
            throw Rejection(
                code: "gateway_unavailable",
                message: "The gateway “\(gateway)” is being removed: it takes no new messages.")
        }
        do {
            _ = try gateways.assumeIsolated { try $0.checkRoom(gateway: gateway) }
        } catch GatewayError.notConnected {
            guard principal.isAdministrator, let status = status(of: gateway) else {
                throw Rejection(answering: GatewayError.notConnected(gateway: gateway, reason: ""), to: principal)
            }
            var message = "The gateway “\(gateway)” is not connected"
            message += status.reason.map { ": \($0)." } ?? "."
            if let remedy = status.remedy { message += " \(remedy)" }
            throw Rejection(code: "gateway_unavailable", message: message, retryAfterMs: 2000)
        }
    }
}

extension Rejection {
    /// A gateway's refusal in its own words, or why it could not be asked.
    ///
    /// - Parameter principal: Who is told: what names addresses is for administrators.
    init(answering error: GatewayError, to principal: Principal?) {
        switch error {
        case .refused(let code, let message, let retryAfterMs):
            self.init(code: "gateway_refused", message: "\(message) (\(code))", retryAfterMs: retryAfterMs)
        case .unavailable(let message, let delay):
            self.init(code: "gateway_unavailable", message: message, retryAfterMs: Int(delay.wholeMilliseconds))
        case .missingScope(let scope, _):
            let remedy = "Add \(scope) to `scopes` of this gateway in config.yaml; its administrator must approve that."
            self.init(code: "missing_scope", message: "T\(error.description.dropFirst()). \(remedy)")
        case .timedOut: self.init(code: "gateway_timeout", message: error.description)
        case .expired: self.init(code: "undelivered", message: error.description)
        case .connectionLost: self.init(code: "gateway_lost", message: error.description, retryAfterMs: 2000)
        case .notConnected(let gateway, let reason):
            let words = principal?.isAdministrator == true ? "is not connected: \(reason)" : "cannot be reached"
            self.init(
                code: "gateway_unavailable", message: "The gateway “\(gateway)” \(words).", retryAfterMs: 2000)
        case .unknownGateway: self.init(code: "unknown_gateway", message: error.description)
        default: self.init(code: "gateway_unavailable", message: error.description, retryAfterMs: 2000)
        }
    }
}
