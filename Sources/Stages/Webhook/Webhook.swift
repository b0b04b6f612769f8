import JSON
import MiddlewareKit
import Webhooks

/// Tells other systems what happens. On the way of a message it only keeps a row, in the transaction of the persist stage above
/// it; the worker does the rest beside.
final class Webhook: Middleware, RowContributor, ServerObserver, BackgroundStage {
    private let worker: DeliveryWorker
    private let store: any DeliveryStore
    /// How much of a message a row holds.
    private let content: EventContent
    private let time: any TimeSource
    private let registry: WebhookRegistry?

    init(
        worker: DeliveryWorker, store: any DeliveryStore, content: EventContent, time: any TimeSource,
        registry: WebhookRegistry?
    ) {
        self.worker = worker
        self.store = store
        self.content = content
        self.time = time
        self.registry = registry
    }

    static let paths = StagePaths(inbound: [.chat], outbound: [.final, .aborted, .error, .message])

    var handles: StagePaths { Self.paths }

    func run() async {
        // Two at work for one stage would send everything twice. The one before knows other endpoints; that of an old chain, whose
        // last runs may take long, must not decide who is told.
        if let predecessor = registry?.add(worker) {
            predecessor.retire()
            await predecessor.waitUntilEnded()
            await worker.hasten()
        }
        await worker.run()
        registry?.remove(worker)
    }

    // MARK: Messages

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        if context.keptRole != .user { try await keep(MessageRecord(message, context, at: time.now), context) }
        try await next(message, context)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        if context.keptRole != event.kind.role { try await keep(MessageRecord(event, context), context) }
        try await next(event, context)
    }

    /// No stage above keeps messages, so the event has a transaction of its own.
    ///
    /// - Parameter record: Evaluated here, so that the stage's own functions, which last until the message has arrived, stay small.
    @inline(never)
    private func keep(_ record: @autoclosure () -> MessageRecord?, _ context: MessageContext) async throws {
        guard !context.isShadow, let record = record() else { return }
        // Whether the session is new is only known where messages are kept.
        let rows = rows(for: record, context: context, isKept: false).filter { !$0.isForNewSession }
        if !rows.isEmpty { try await store.store(rows) }
    }

    func rows(for record: MessageRecord, context: MessageContext) -> [OutboxRow] {
        rows(for: record, context: context, isKept: true)
    }

    /// - Parameter isKept: The message is stored with the rows.
    private func rows(for record: MessageRecord, context: MessageContext, isKept: Bool) -> [OutboxRow] {
        var rows: [OutboxRow] = []
        let user = record.role == .user ? context.principal?.owner ?? record.owner : record.owner
        // Sessions that began elsewhere are not told of, whether the gateway lists them first or their first message comes first.
        if context.connection != nil, worker.directory.wants(.sessionCreated) {
            let data = WebhookEvent.subject(
                gateway: record.gateway, session: record.sessionKey, user: user, agent: record.agent)
            let event = WebhookEvent(.sessionCreated, timestamp: record.timestamp, data: data)
            rows.append(row(event, isForNewSession: true))
        }
        if worker.directory.wants(record.eventType) {
            let textPath = isKept ? WebhookEvent.textPath(of: record, content: content) : nil
            let payload = WebhookEvent.payload(
                of: record, user: user, content: content, traceparent: context.traceparent, lacksText: textPath != nil)
            rows.append(
                OutboxRow(stage: worker.stage, topic: record.eventType.rawValue, payload: payload, textPath: textPath))
        }
        return rows
    }

    private func row(_ event: WebhookEvent, isForNewSession: Bool = false) -> OutboxRow {
        OutboxRow(
            stage: worker.stage, topic: event.type, payload: event.payload, isForNewSession: isForNewSession)
    }

    // MARK: Everything else

    func messageWasRejected(_ rejected: RejectedMessage) {
        let message = rejected.message
        var data = WebhookEvent.subject(
            gateway: message.gateway.isEmpty ? nil : message.gateway, session: message.sessionKey, run: message.runID,
            user: rejected.context.principal?.owner, agent: message.agent)
        data["kind"] = .string(message.kind.rawValue)
        data["stage"] = rejected.stage.map { .string($0) } ?? .null
        data["code"] = .string(rejected.code)
        worker.note(.requestRejected, data)
    }

    func gatewayDidConnect(_ gateway: String, isAgain: Bool) {
        worker.note(.gatewayConnected, WebhookEvent.subject(gateway: gateway))
    }

    func gatewayDidDisconnect(_ gateway: String) {
        worker.note(.gatewayDisconnected, WebhookEvent.subject(gateway: gateway))
    }

    func runDidStart(_ run: Run) {
        worker.note(
            .runStarted,
            WebhookEvent.subject(
                gateway: run.gateway, session: run.sessionKey, run: run.id, user: run.user, agent: run.agent))
    }

    func sessionWasCreated(_ session: ObservedSession) { worker.note(.sessionCreated, session.subject) }

    func sessionWasDeleted(_ session: ObservedSession) { worker.note(.sessionDeleted, session.subject) }
}

extension ObservedSession {
    fileprivate var subject: JSONObject {
        WebhookEvent.subject(gateway: gateway, session: key, user: user, agent: agentID(inSessionKey: key))
    }
}
