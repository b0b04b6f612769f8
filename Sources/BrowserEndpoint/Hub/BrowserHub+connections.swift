import JSON
import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import WebSocketTransport

/// Browsers come, say who they are, send frames, and go.
extension BrowserHub {
    func connectionDidOpen(
        _ socket: WebSocket, info: ConnectionInfo, dialect: Dialect, gateway: String?, credential: Credential?
    ) {
        guard connections.count < limits.maxConnections, !isDraining else {
            socket.close(code: 1013, reason: isDraining ? "the server is shutting down" : "too many connections")
            return
        }
        let connection = BrowserConnection(
            info: info, socket: socket, dialect: dialect, gateway: gateway, credential: credential)
        connections[info.id] = connection
        connection.openingTimer = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.authTimeout)) {
            self.assumeIsolated { $0.refuse(info.id, "No access key was sent in time.") }
        }
        introduce(connection)
    }

    /// Asks the chain who is there.
    private func introduce(_ connection: BrowserConnection) {
        let id = connection.info.id
        let context = makeContext(connection.info, credential: connection.credential, principal: nil)
        let chain = chains.standard
        let mayAskAgain = connection.credential == nil
        jobs.submit {
            let verdict: Result<Principal, Rejection>
            do {
                verdict = .success(try await chain.introduce(context, mayAskAgain: mayAskAgain))
            } catch {
                verdict = .failure(Rejection(answering: error, logger: context.logger))
            }
            await self.connection(id, isIntroducedWith: verdict, by: chain.generation)
        }
    }

    /// - Parameter generation: That of the chain that was asked; another one may be in use by now.
    private func connection(_ id: String, isIntroducedWith verdict: Result<Principal, Rejection>, by generation: Int) {
        defer { flush() }
        guard let connection = connections[id], connection.phase == .opening else { return }
        switch verdict {
        case .success(let principal):
            connection.phase = .open
            connection.principal = principal
            connection.generation = generation
            connection.openingTimer?.cancel()
            connection.openingTimer = nil
            greet(connection, principal)
            let early = connection.early
            connection.early = []
            for bytes in early { receive(bytes, from: connection) }
        case .failure(let rejection):
            connection.needsKey = true
            guard connection.credential == nil, rejection.code == "unauthorized" else {
                let isDenied = ["unauthorized", "forbidden"].contains(rejection.code)
                return turnAway(
                    connection, rejection, code: isDenied ? CloseCode.unauthorized : CloseCode.tryLater,
                    reason: isDenied ? "access denied" : rejection.code)
            }
            let early = connection.early
            connection.early = []
            for bytes in early { authenticate(connection, with: bytes) }
        }
    }

    /// The first frame of a connection that has not said who it is must be `auth`.
    private func authenticate(_ connection: BrowserConnection, with bytes: ByteBuffer) {
        guard connection.credential == nil else { return connection.early.append(bytes) }
        if case .authenticate(let credential)? = try? BrowserRequest.native(bytes).action {
            connection.credential = credential
            introduce(connection)
        } else {
            refuse(connection.info.id, "The first frame must be {\"type\":\"auth\",\"token\":\"<access key>\"}.")
        }
    }

    private func refuse(_ id: String, _ reason: String) {
        guard let connection = connections[id], connection.phase == .opening else { return }
        let rejection = Rejection(code: "unauthorized", message: reason)
        // No stage had a key to judge.
        chains.standard.noteRejection(
            of: InboundMessage(kind: .connect),
            context: makeContext(connection.info, credential: nil, principal: nil), stage: nil, code: rejection.code)
        turnAway(connection, rejection, code: CloseCode.unauthorized, reason: "access denied")
        flush()
    }

    /// Ends a connection that was not let in, once: what it has sent beside is not looked at.
    private func turnAway(_ connection: BrowserConnection, _ rejection: Rejection, code: UInt16, reason: String) {
        send(.error(id: nil, rejection, sessionKey: nil, runID: nil), to: connection)
        connection.phase = .closed
        connection.early = []
        connection.openingTimer?.cancel()
        connection.socket.close(code: code, reason: reason)
    }

    func greet(_ connection: BrowserConnection, _ principal: Principal) {
        switch connection.dialect {
        case .native:
            let list = gateways.assumeIsolated { $0.statuses }.map { gateway, status -> JSONValue in
                ["id": .string(gateway.id), "name": .string(gateway.name), "connected": .bool(status.isConnected)]
            }
            let limits: JSONValue = [
                "maxMessageBytes": .integer(Int64(limits.maxMessageBytes)),
                "authTimeoutMs": .integer(limits.authTimeout.wholeMilliseconds),
            ]
            send(
                .hello(connectionID: connection.info.id, user: principal.user, gateways: list, limits: limits),
                to: connection)
            showApprovals(to: connection)
            if let problem = configurationProblem, principal.isAdministrator {
                send(.configuration(generation: chains.generation, problem: problem), to: connection)
            }
        case .chat:
            guard let gateway = connection.gateway, status(of: gateway) != nil else {
                let rejection = Rejection(code: "unknown_gateway", message: "Gateway not found")
                send(.error(id: nil, rejection, sessionKey: nil, runID: nil), to: connection)
                return connection.socket.close(code: CloseCode.unknownGateway, reason: "gateway not found")
            }
            send(.connected(gateways.assumeIsolated { $0.metadata(of: gateway) }, isNew: true), to: connection)
        }
    }

    func connection(_ id: String, didReceive message: WebSocketMessage) {
        guard let connection = connections[id] else { return }
        metrics.framesReceived += 1
        guard case .text(let bytes) = message else {
            let rejection = Rejection(code: "bad_request", message: "Send text frames; this one was binary.")
            return send(.error(id: nil, rejection, sessionKey: nil, runID: nil), to: connection)
        }
        switch connection.phase {
        case .open:
            receive(bytes, from: connection)
        case .opening where connection.needsKey && connection.credential == nil:
            authenticate(connection, with: bytes)
        case .opening:
            guard connection.early.count < limits.maxInFlight else {
                return connection.socket.close(code: 1008, reason: "too many frames before the greeting")
            }
            connection.early.append(bytes)
        case .closed:
            break
        }
    }

    private func receive(_ bytes: ByteBuffer, from connection: BrowserConnection) {
        do {
            let request =
                switch connection.dialect {
                case .native: try BrowserRequest.native(bytes)
                case .chat: try BrowserRequest.chat(bytes)
                }
            start(request, from: connection)
        } catch {
            let bad = error as? BadFrame
            if let bad, bad.isChat { noteTurnedAway(bad, connection) }
            let rejection = Rejection(code: "bad_request", message: bad?.message ?? "The frame could not be read.")
            send(.error(id: bad?.id, rejection, sessionKey: nil, runID: nil), to: connection)
        }
    }

    func connectionDidBecomeWritable(_ id: String) {
        guard let connection = connections[id] else { return }
        for lag in connection.lags.values { catchUp(connection, with: lag.run) }
        flush()
    }

    func connectionDidClose(_ id: String) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        connection.phase = .closed
        connection.openingTimer?.cancel()
        connection.lags = [:]
        connection.lanes = [:]
        for session in connection.watched.keys.compactMap({ sessions[$0] }) {
            session.remove(connection)
            forgetIfIdle(session)
        }
        connection.watched = [:]
    }

    /// - Parameter gateway: The gateway that the message is for or from, if it is known yet.
    func makeContext(
        _ info: ConnectionInfo?, credential: Credential?, principal: Principal?, gateway: String? = nil
    ) -> MessageContext {
        let id = RandomID.make()
        var logger = logger
        logger[metadataKey: "message.id"] = "\(id)"
        logger[metadataKey: "generation"] = "\(chains.generation)"
        if let info { logger[metadataKey: "connection.id"] = "\(info.id)" }
        var context = MessageContext(
            id: id, connection: info, credential: credential, principal: principal, generation: chains.generation,
            logger: logger)
        context.model = gateway.flatMap { metadata(of: $0)?.defaultModel }
        return context
    }
}

/// Close codes of our own (RFC 6455 section 7.4.2 leaves 4000 to 4999 to applications).
enum CloseCode {
    static let unauthorized: UInt16 = 4401
    static let unknownGateway: UInt16 = 4404
    /// Registered as "try again later".
    static let tryLater: UInt16 = 1013
}

enum RandomID {
    private static let digits = Array("0123456789abcdef".utf8)

    /// 16 random bytes in lowercase hex; the system is asked once.
    static func make() -> String {
        let bits = UInt128.random(in: .min ... .max)
        let text = (0..<32).map { digits[Int(truncatingIfNeeded: bits >> (124 - 4 * $0)) & 15] }
        return String(decoding: text, as: UTF8.self)
    }
}
