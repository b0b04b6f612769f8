import Analytics
import Logging
import MiddlewareKit

/// Counts what passes, and what was turned away above it. It changes nothing and waits for nothing.
struct AnalyticsStage: Middleware {
    let options: AnalyticsOptions
    let recorder: AnalyticsRecorder
    let time: any TimeSource
    let logger: Logger

    static let paths = StagePaths(inbound: [.chat], outbound: [.final, .aborted, .error])

    var handles: StagePaths { Self.paths }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        let characters = message.text.characterCount
        recorder.count(key(message, context), message: name(message), isOnce: true) { figures in
            figures.messagesIn += 1
            figures.charactersIn += characters
            if let session = message.sessionKey { figures.sessions.insert(stableHash(message.gateway, session)) }
        }
        var context = context
        context[AskedCharacters.self] = characters
        try await next(message, context)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        let run = event.run
        let characters = event.text.characterCount
        let name = CountedMessage.name(
            gateway: run.gateway, sessionKey: run.sessionKey, runID: run.id, role: .assistant)
        let key = AnalyticsKey(
            gateway: run.gateway, agent: run.agent, model: event.model, user: options.users ? run.user : nil)
        // A run that failed may still end well, as the same message; only a whole answer is told no other way again.
        recorder.count(key, message: name, isOnce: event.kind == .final) { figures in
            figures.sessions.insert(stableHash(run.gateway, run.sessionKey))
            figures.charactersOut += characters
            figures.add(event.timing)
            switch event.kind {
            case .aborted: figures.aborted += 1
            case .error: figures.addError(event.errorKind ?? "unknown")
            case .final, .status, .message: break
            }
            // A failed run that said nothing is no message.
            if event.kind == .final || !event.text.isEmpty {
                figures.messagesOut += 1
                figures.add(event.usage, asked: context[AskedCharacters.self], answered: characters)
            }
        }
        try await next(event, context)
    }

    private func key(_ message: InboundMessage, _ context: MessageContext) -> AnalyticsKey {
        let user = context.principal.flatMap { $0 == .anonymous || !options.users ? nil : $0.user }
        return AnalyticsKey(gateway: message.gateway, agent: message.agent, user: user)
    }

    private func name(_ message: InboundMessage) -> UInt64? {
        guard let session = message.sessionKey, let run = message.runID else { return nil }
        return CountedMessage.name(gateway: message.gateway, sessionKey: session, runID: run, role: .user)
    }
}

/// How many characters the message had that a reply answers.
private enum AskedCharacters: ContextKey { typealias Value = Int }

extension AnalyticsStage: ServerObserver {
    func messageWasRejected(_ rejected: RejectedMessage) {
        // Of other kinds there can be a great many, such as browsers that try to connect without a key again and again.
        guard rejected.message.kind == .chat else { return }
        let name = AnalyticsFigures.RejectionName(stage: rejected.stage ?? "server", code: rejected.code)
        recorder.count(key(rejected.message, rejected.context)) { $0.addRejection(name) }
    }

    func gatewayDidConnect(_ gateway: String, isAgain: Bool) {
        if isAgain { recorder.count(AnalyticsKey(gateway: gateway)) { $0.reconnects += 1 } }
    }
}

extension AnalyticsStage: BackgroundStage {
    private static let pause = Duration.seconds(1)
    private static let pruneInterval = Duration.seconds(3600)

    /// Writes what was counted, and deletes what is too old.
    func run() async {
        await write()
        var nextPrune = time.uptime
        var nextWrite = time.uptime + options.flushInterval
        while !Task.isCancelled {
            try? await time.sleep(for: Self.pause)
            guard time.uptime >= nextWrite || recorder.isFull else { continue }
            nextWrite = time.uptime + options.flushInterval
            await write()
            guard time.uptime >= nextPrune else { continue }
            nextPrune = time.uptime + Self.pruneInterval
            await attempt("old figures could not be deleted") {
                try await recorder.prune(keepMinutes: options.keepMinutes, keepHours: options.keepHours)
            }
        }
    }

    func cleanup() async { await write() }

    private func write() async {
        // Nothing is written before it is known what an earlier run had written, so this is tried until it succeeds.
        await attempt("what an earlier run had counted could not be looked for, and is looked for again") {
            try await recorder.repair(users: options.users)
        }
        await attempt("figures could not be written and are kept for the next time") {
            try await recorder.flush(notesTime: true)
        }
    }

    private func attempt(_ failure: String, _ body: () async throws -> Void) async {
        do { try await body() } catch is CancellationError {} catch { logger.warning("\(failure): \(error)") }
    }
}
