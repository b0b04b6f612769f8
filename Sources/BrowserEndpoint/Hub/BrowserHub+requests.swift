import DequeModule
import JSON
import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import Synchronization
import WebSocketTransport

/// What browsers ask for over a WebSocket. Lists and history, which HTTP asks for too, are in `BrowserHub+calls`.
extension BrowserHub {
    /// Takes a request in hand. Requests of one connection for the same session are taken one after the other, up to the
    /// point where they leave the chain; all others side by side.
    func start(_ request: BrowserRequest, from connection: BrowserConnection) {
        switch request.action {
        case .ping:
            return send(.pong(id: request.id), to: connection)
        case .ignore:
            return
        case .authenticate:
            // Already let in; a client that sends its key in any case is not wrong, and waits for a greeting.
            return greet(connection, connection.principal ?? .anonymous)
        default:
            break
        }
        var request = request
        request.arrivedAt = time.uptime
        connection.inFlight += 1
        if connection.inFlight >= limits.maxInFlight, !connection.isPaused {
            connection.isPaused = true
            connection.socket.pauseReading()
        }
        if let lane = request.lane {
            if connection.lanes[lane] != nil {
                connection.lanes[lane]?.append(request)
                return
            }
            connection.lanes[lane] = []
        }
        submit(request, of: connection.info.id)
    }

    private func submit(_ request: BrowserRequest, of id: String) {
        jobs.submit { await self.perform(request, of: id) }
    }

    /// The next message of the same session may enter the chain.
    private func release(_ lane: String?, of id: String) {
        guard let lane, let connection = connections[id], var queue = connection.lanes[lane] else { return }
        if let next = queue.popFirst() {
            connection.lanes[lane] = queue
            submit(next, of: id)
        } else {
            connection.lanes[lane] = nil
        }
    }

    private func perform(_ request: BrowserRequest, of id: String) async {
        guard let connection = connections[id] else { return }
        let context = makeContext(
            connection.info, credential: connection.credential, principal: connection.principal,
            gateway: try? gatewayID(of: request, connection))
        let turn = LaneTurn(lane: request.lane)
        do {
            try await answer(request, connection, context, turn)
        } catch {
            // Broken off, as the server stops.
            let error: any Error = Task.isCancelled ? Rejection.shuttingDown : error
            let rejection = Rejection(answering: error, to: connection.principal, logger: context.logger)
            send(
                .error(id: request.id, rejection, sessionKey: request.sessionKey, runID: request.runID), to: connection)
        }
        leave(turn, of: id)
        flush()
    }

    /// The request is done, or has left the chain: what waits for its gateway holds nobody up. The gateway's own queue
    /// bounds how many do.
    private func leave(_ turn: LaneTurn, of id: String) {
        guard turn.end() else { return }
        release(turn.lane, of: id)
        guard let connection = connections[id] else { return }
        connection.inFlight -= 1
        if connection.isPaused, connection.inFlight < limits.maxInFlight / 2 {
            connection.isPaused = false
            connection.socket.resumeReading()
        }
    }

    private func answer(
        _ request: BrowserRequest, _ connection: BrowserConnection, _ context: MessageContext, _ turn: LaneTurn
    ) async throws {
        switch request.action {
        case .chat(let text, let attachments):
            try await chat(text, attachments: attachments, request: request, connection, context, turn)
        case .subscribe:
            let (id, connectionID) = (try sessionID(of: request, connection), connection.info.id)
            try await call(.subscribe, in: id, context: context) { principal in
                try await self.watch(id, by: connectionID, principal, request)
            }
        case .unsubscribe:
            let id = try sessionID(of: request, connection)
            unwatch(id, connection)
            send(.result(id: request.id, payload: ByteBuffer(string: "{}")), to: connection)
        case .history(let limit, let before, let refresh):
            let id = try sessionID(of: request, connection)
            switch connection.dialect {
            case .native:
                let page = try await history(
                    id, limit: limit, before: before, refresh: refresh, context: context)
                send(.result(id: request.id, payload: page.payload), to: connection)
            case .chat:
                let session = try await self.session(id, for: context)
                watchOnly(session, by: connection, spelling: request.sessionKey ?? "")
                let page = try await history(id, limit: limit, before: before, context: context)
                send(.history(page.messages), to: connection)
            }
        case .abort(let runID):
            let id = try sessionID(of: request, connection)
            let payload = try await abort(id, runID: runID, context: context)
            send(.result(id: request.id, payload: payload), to: connection)
        case .agents, .models, .sessions, .gateways:
            let gateway = request.action.concernsOneGateway ? try gatewayID(of: request, connection) : ""
            let payload = try await list(request.action, gateway: gateway, context: context)
            send(.result(id: request.id, payload: payload), to: connection)
        case .approve(let approval, let decision):
            let gateway = try gatewayID(of: request, connection)
            try await decide(approval, of: gateway, context: context) { decision }
            send(.result(id: request.id, payload: ByteBuffer(string: "{}")), to: connection)
        case .ping, .ignore, .authenticate:
            break
        }
    }

    // MARK: Chat

    private func chat(
        _ text: String, attachments: [Attachment], request: BrowserRequest,
        _ connection: BrowserConnection, _ context: MessageContext, _ turn: LaneTurn
    ) async throws {
        let (message, chain, session, isHeld) = try await admit(
            text, attachments: attachments, request: request, connection, context)
        let id = session.id
        defer {
            if isHeld { letGo(of: id) }
            forgetIfIdle(session)
        }
        if connection.dialect == .chat {
            watchOnly(session, by: connection, spelling: request.sessionKey ?? "")
        } else {
            do {
                try watch(session, by: connection, spelling: request.sessionKey ?? "")
            } catch let rejection as Rejection {
                noteTurnedAway(message, context, rejection.code)
                throw rejection
            }
        }
        let connectionID = connection.info.id
        let agentID = OpenClaw.SessionKeys.agentID(of: (request.sessionKey ?? "").lowercased())
        let context = watched(traced(context, "chat", id, runID: message.runID), MessageFacts(message, context))
        let forwarded = CallResult<Void>()
        do {
            let passage = try await chain.send(message, context: context) { message, context in
                do {
                    try await self.forward(
                        message, asked: text, context: context, session: id, agentID: agentID,
                        thinking: request.thinking, chain: chain, arrivedAt: request.arrivedAt
                    ) {
                        await self.leaveLane(turn, of: connectionID)
                    }
                } catch let rejection as Rejection {
                    await self.noteTurnedAway(message, context, rejection.code)
                    throw rejection
                }
                forwarded.value = ()
            }
            if case .dropped(let name) = passage { throw Rejection.dropped(by: name) }
        } catch {
            // The message is on its way, and its run has an end of its own.
            guard forwarded.value == nil else {
                return context.logger.warning("a stage failed when the message had left the chain: \(error)")
            }
            if traces != nil { context.endTrace(Rejection(answering: error, logger: context.logger)) }
            throw error
        }
    }

    /// A message that may enter the chain, and its session. Who turns it away here is the server itself: the stages are told of that.
    private func admit(
        _ text: String, attachments: [Attachment], request: BrowserRequest, _ connection: BrowserConnection,
        _ context: MessageContext
    ) async throws -> (message: InboundMessage, chain: Chain, session: Session, isHeld: Bool) {
        var message = InboundMessage(kind: .chat)
        do {
            guard !isDraining else { throw Rejection.shuttingDown }
            let id = try sessionID(of: request, connection)
            let runID = request.runID ?? RandomID.make()
            message = InboundMessage(
                kind: .chat, gateway: id.gateway, sessionKey: id.key, text: text, attachments: attachments,
                runID: runID)
            let principal = context.principal ?? .anonymous
            try await checkAccess(to: id, by: principal)
            let chain = try await chain(for: message, context)
            // Where messages are routed, the stage that does it asks the gateway that gets them.
            if !chain.hasStage(ofKind: "route", for: MessageFacts(message, context)) {
                try check(message, for: id.gateway, from: principal)
                try requireRoom(on: id.gateway, for: principal)
            }
            if let run = runs[RunKey(gateway: id.gateway, runID: runID)] {
                guard run.session.id == id else { throw Rejection.keyInUse }
                guard run.askedText == nil || run.askedText == text else { throw Rejection.keyOfOtherMessage }
            }
            let (session, isHeld) = try await claim(id, for: principal)
            return (message, chain, session, isHeld)
        } catch let rejection as Rejection {
            noteTurnedAway(message, context, rejection.code)
            throw rejection
        }
    }

    /// Tells the stages that want to know of a message that the server itself turned away. It has the name of a gateway only where
    /// there is such a gateway, so that nobody fills figures with names.
    private func noteTurnedAway(_ message: InboundMessage, _ context: MessageContext, _ code: String) {
        chains.chain(for: MessageFacts(message, context))
            .noteRejection(of: message, context: context, stage: nil, code: code)
    }

    /// A chat whose frame could not be read is a message that was turned away, too.
    func noteTurnedAway(_ bad: BadFrame, _ connection: BrowserConnection) {
        let request = BrowserRequest(action: .ignore, gateway: bad.gateway)
        let message = InboundMessage(kind: .chat, gateway: (try? gatewayID(of: request, connection)) ?? "")
        let context = makeContext(connection.info, credential: nil, principal: connection.principal)
        noteTurnedAway(message, context, "bad_request")
    }

    private func leaveLane(_ turn: LaneTurn, of id: String) { leave(turn, of: id) }

    // MARK: Watching

    /// Answers one who begins to watch a session with the runs under way in it. In the same turn of the event loop, so that
    /// no delta gets in between.
    private func watch(
        _ id: SessionID, by connectionID: String, _ principal: Principal, _ request: BrowserRequest
    ) async throws {
        let session = try await session(id)
        guard session.permits(principal) else {
            forgetIfIdle(session)
            throw Rejection.forbidden
        }
        defer { forgetIfIdle(session) }
        guard let connection = connections[connectionID] else { return }
        try watch(session, by: connection, spelling: request.sessionKey ?? "")
        // Of a run whose end was shown the stages have yet to hear that it is over.
        let runs = session.runs.filter { !$0.isEndShown && (!$0.hasEnded || $0.isBusy) }.map { run -> JSONValue in
            // It gets all of the text now, and misses nothing any more.
            connection.lags[ObjectIdentifier(run)] = nil
            return [
                "runId": .string(run.run.id), "seq": .integer(Int64(run.sequence)), "text": .string(run.visibleText),
            ]
        }
        var buffer = ByteBuffer()
        buffer.writeJSON(["runs": .array(runs)])
        send(.result(id: request.id, payload: buffer), to: connection)
        for run in session.runs where !run.hasEnded { showPhase(of: run, to: connection) }
    }

    func watch(_ session: Session, by connection: BrowserConnection, spelling: String) throws {
        guard connection.phase != .closed, connection.watched[session.id] != spelling else { return }
        guard connection.watched.count < limits.maxWatched || connection.watched[session.id] != nil else {
            throw Rejection(
                code: "bad_request",
                message: "A connection may watch \(limits.maxWatched) sessions; unsubscribe from one first.")
        }
        session.remove(connection)
        session.add(connection, spelling: spelling)
        connection.watched[session.id] = spelling
        // It may have been forgotten while it was idle.
        sessions[session.id] = session
    }

    /// `/ws/chat` shows one session at a time: the one that it last asked about.
    private func watchOnly(_ session: Session, by connection: BrowserConnection, spelling: String) {
        for id in connection.watched.keys where id != session.id { unwatch(id, connection) }
        // One session is never above the limit.
        try? watch(session, by: connection, spelling: spelling)
    }

    func unwatch(_ id: SessionID, _ connection: BrowserConnection) {
        connection.watched[id] = nil
        guard let session = sessions[id] else { return }
        session.remove(connection)
        for run in session.runs { connection.lags[ObjectIdentifier(run)] = nil }
        forgetIfIdle(session)
    }

    // MARK: Names

    private func gatewayID(of request: BrowserRequest, _ connection: BrowserConnection) throws -> String {
        let known = gateways.assumeIsolated { $0.statuses.map(\.0.id) }
        if let name = request.gateway ?? connection.gateway {
            guard known.contains(name) else { throw Rejection.unknownGateway(name, known: known) }
            return name
        }
        guard let only = known.first, known.count == 1 else {
            throw Rejection(
                code: "bad_request",
                message: known.isEmpty
                    ? "No gateway is configured; add one to config.yaml."
                    : "Say which `gateway` is meant: \(known.joined(separator: ", ")).")
        }
        return only
    }

    private func sessionID(of request: BrowserRequest, _ connection: BrowserConnection) throws -> SessionID {
        let gateway = try gatewayID(of: request, connection)
        return sessionID(gateway: gateway, key: request.sessionKey ?? "")
    }
}

/// A request's place in its lane: one at a time until it has left the chain.
final class LaneTurn: Sendable {
    let lane: String?
    private let isOver = Atomic(false)

    init(lane: String?) { self.lane = lane }

    /// True for the first call.
    func end() -> Bool { !isOver.exchange(true, ordering: .relaxed) }
}

extension BrowserRequest {
    /// Requests with the same lane keep their order.
    var lane: String? {
        sessionKey.map { "\(gateway ?? "")\u{0}\($0)" }
    }
}

extension BrowserRequest.Action {
    var concernsOneGateway: Bool {
        if case .gateways = self { false } else { true }
    }
}

extension Rejection {
    static func unknownGateway(_ name: String, known: [String]) -> Rejection {
        Rejection(
            code: "unknown_gateway",
            message: "There is no gateway “\(name)”. "
                + (known.isEmpty ? "None is configured." : "Known are: \(known.joined(separator: ", "))."))
    }

    static let shuttingDown = Rejection(
        code: "shutting_down", message: "The server is shutting down. Send the message again in a moment.",
        retryAfterMs: 2000)

    static let keyInUse = Rejection(
        code: "bad_request", message: "This `idempotencyKey` is in use in another session.")

    static let keyOfOtherMessage = Rejection(
        code: "bad_request",
        message:
            "This `idempotencyKey` belongs to another message of this session. Send this one with a key of its own."
    )

    static let forbidden = Rejection(
        code: "forbidden", message: "This session belongs to somebody else. Start a new one of your own.")
}
