import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import Storage

/// What a session shows beside the runs that were started here: messages of other clients and channels of the gateway, and
/// what was said before Sluice was there.
extension BrowserHub {
    /// Messages of a session that are compared with the gateway's history.
    private static let comparedMessages = 200
    private static let maxCompared = 10_000
    /// How long a page waits for what the gateway has.
    private static let comparisonPatience = TimeAmount.seconds(5)

    func receive(_ notice: GatewayNotice, of gateway: String) {
        switch notice {
        case .eventsLost:
            searchEnds(of: gateway, among: runs.keys.filter { $0.gateway == gateway })
            compareWatchedSessions(of: gateway)
        case .sending(let runID):
            if let run = runs[RunKey(gateway: gateway, runID: runID)] { run.sentAt = run.sentAt ?? time.uptime }
        case .unanswered(let runID):
            if let run = runs[RunKey(gateway: gateway, runID: runID)], run.phase != RunPhase.askedAgain {
                tell(run, phase: RunPhase.askedAgain)
            }
        case .message(let key, let message):
            receive(message, in: SessionID(gateway: gateway, key: key))
        case .sessions(let sessions):
            note(sessions, of: gateway)
        case .approvalRequested(let approval):
            receive(approval, of: gateway)
        case .approvalDecided(let id, let decision, let name):
            decided(id, of: gateway, decision, by: name)
        case .approvals(let list):
            receive(list, of: gateway)
        }
    }

    // MARK: Live

    /// A message of a user in another client. Answers come as runs, our own messages are known.
    private func receive(_ message: HistoryMessage, in id: SessionID) {
        let text = message.message.text
        guard message.message.role == "user", !text.isEmpty, !recentSends.take(text, in: id, now: time.uptime) else {
            return
        }
        let session = sessions[id] ?? Session(id: id, owner: .unresolved)
        disown(session)
        let timestamp = message.message.timestamp ?? time.now
        let context = makeContext(nil, credential: nil, principal: nil)
        let run = begin(
            RunName.message(message.id ?? "\(timestamp.milliseconds)"), session, context: context)
        guard !run.hasEnded else { return }
        run.hasEnded = true
        run.waiting.append(.event(.message, RunOutcome(text: text, timestamp: timestamp)))
        pump(run)
    }

    /// Where the gateway does not tell of the messages that others write, a run of theirs says that there is one.
    func lookForMessages(in session: Session) {
        let id = session.id
        guard gateways.assumeIsolated({ !$0.tellsOfMessages(id.gateway) }) else { return }
        comparedSessions.remove(id)
        guard !session.audiences.isEmpty else { return }
        jobs.submit { await self.compareHistory(of: id, isShown: true) }
    }

    /// What others wrote in the sessions of a gateway may have been missed.
    func compareWatchedSessions(of gateway: String) {
        comparedSessions = comparedSessions.filter { $0.gateway != gateway }
        for session in sessions.values where session.id.gateway == gateway && !session.audiences.isEmpty {
            let id = session.id
            jobs.submit { await self.compareHistory(of: id, isShown: true) }
        }
    }

    /// Titles and models, as the gateway has them.
    private func note(_ sessions: [GatewaySession], of gateway: String) {
        guard keepsMessages else { return }
        let notes = sessions.map { session in
            SessionNote(
                key: session.key, title: session.title, agent: agentID(inSessionKey: session.key),
                model: session.model, lastActivity: session.lastActivity)
        }
        jobs.submit {
            do {
                try await self.storage.noteSessions(notes, gateway: gateway)
            } catch {
                self.logger.warning("the gateway's sessions could not be stored: \(error)")
            }
        }
    }

    /// Whether the chain has a stage that stores messages: without one nothing is stored.
    private var keepsMessages: Bool { chains.hasActingStage(ofKind: "persist") }

    // MARK: Import

    /// A page of a session's messages. What is missing of the gateway's history is taken over: before the answer when
    /// nothing is stored yet (but for at most five seconds), else after it, and those who watch are shown it.
    ///
    /// What was said in a session that is nobody's yet is for administrators.
    func page(
        of id: SessionID, for principal: Principal, limit: Int, before: Int64?, refresh: Bool
    ) async throws -> MessagePage {
        let page = try await storage.messages(gateway: id.gateway, sessionKey: id.key, limit: limit, before: before)
        guard before == nil, refresh || !comparedSessions.contains(id) || comparing[id] != nil else { return page }
        let session = try await session(id)
        defer { forgetIfIdle(session) }
        guard session.owner != .undecided || principal.isAdministrator else { return page }
        let isFirstSight = String(buffer: page.json) == "[]"
        guard refresh || isFirstSight else {
            if comparing[id] == nil { jobs.submit { await self.compareHistory(of: id, isShown: true) } }
            return page
        }
        await withCheckedContinuation { continuation in
            let comparison = comparing[id] ?? HistoryComparison()
            comparing[id] = comparison
            let number = comparison.waiters.add(continuation)
            eventLoop.assumeIsolated().scheduleTask(in: Self.comparisonPatience) {
                if comparison.waiters.giveUp(number) { comparison.isShown = true }
            }
            jobs.submit { await self.compareHistory(of: id, again: refresh) }
        }
        return try await storage.messages(gateway: id.gateway, sessionKey: id.key, limit: limit, before: nil)
    }

    /// Takes over what the gateway's history has and ours has not, once for each connection to the gateway.
    ///
    /// Texts of answers that are new go through the text transforms of the chain. Imported messages are no events: no other
    /// stage meets them.
    ///
    /// - Parameter isShown: Those who watch the session are shown what is new.
    func compareHistory(of id: SessionID, isShown: Bool = false, again: Bool = false) async {
        let comparison = comparing[id] ?? HistoryComparison()
        comparing[id] = comparison
        comparison.isShown = comparison.isShown || isShown
        guard !comparison.isUnderWay else {
            comparison.isOutdated = comparison.isOutdated || isShown || again
            return
        }
        comparison.isUnderWay = true
        comparison.isOutdated = false
        defer {
            comparison.isUnderWay = false
            if comparison.isOutdated, !isDraining {
                jobs.submit { await self.compareHistory(of: id, again: true) }
            } else {
                comparing[id] = nil
                comparison.waiters.resumeAll()
            }
        }
        guard keepsMessages, status(of: id.gateway)?.isConnected == true else { return }
        guard again || !comparedSessions.contains(id) else { return }
        if comparedSessions.count >= Self.maxCompared { comparedSessions = [] }
        comparedSessions.insert(id)
        do {
            let history = try await gateways.history(
                gateway: id.gateway, sessionKey: id.key, limit: Self.comparedMessages)
            let stored = try await storage.session(gateway: id.gateway, key: id.key)
            let end = endOfPast(in: history, of: id)
            // What was said in it before it was theirs is none of its owner's business, and what was deleted stays so.
            let begin = [
                stored.flatMap { $0.owner == nil ? nil : $0.createdAt },
                // What the gateway kept of a run that the deletion stopped has the time of that very moment.
                try await storage.deletionTime(gateway: id.gateway, key: id.key)
                    .map { Timestamp(milliseconds: $0.milliseconds + 1) },
            ].compactMap(\.self).max()
            let past = records(of: history[..<(end ?? history.endIndex)], in: id, owner: stored?.owner)
                .filter { $0.timestamp >= begin ?? $0.timestamp }
            let new = try await takeOver(past, in: id)
            if !new.isEmpty, let session = sessions[id], stored == nil { disown(session) }
            if comparison.isShown { for record in new { show(record, in: id) } }
            try await findLostAnswers(in: id)
        } catch {
            comparedSessions.remove(id)
            logger.debug(
                "the gateway's history was not compared: \(error)",
                metadata: ["gateway.id": "\(id.gateway)", "session.key": "\(id.key)"])
        }
        flush()
    }

    /// What belongs to a run under way is stored when the run ends: the answer, and the message unless others wrote it and
    /// nobody tells of it.
    private func endOfPast(in history: [HistoryMessage], of id: SessionID) -> Int? {
        let runs = sessions[id]?.runs ?? []
        guard !runs.isEmpty, let asked = history.lastIndex(where: { $0.message.role == "user" }) else { return nil }
        let isOfOthers = runs.allSatisfy { $0.isForeign && !RunName.isForeign($0.run.id) }
        return isOfOthers ? asked + 1 : asked
    }

    /// The stages meet only those answers that cannot be told to be stored already.
    ///
    /// - Parameter past: In the gateway's words.
    /// - Returns: What was new.
    private func takeOver(_ past: [MessageRecord], in id: SessionID) async throws -> [MessageRecord] {
        let unknown = Set(
            try await storage.missing(past, gateway: id.gateway, sessionKey: id.key).map(\.runID))
        guard !unknown.isEmpty else { return [] }
        var records: [MessageRecord] = []
        var met: [String] = []
        for record in past {
            guard unknown.contains(record.runID), record.role == .assistant else {
                records.append(record)
                continue
            }
            // The next start takes it over.
            guard !isDraining else { throw CancellationError() }
            do {
                if let record = try await rewritten(record, in: id) { records.append(record) }
                met.append(record.runID)
            } catch {
                // Where a stage fails, it is tried again another time.
            }
        }
        return try await storage.importHistory(records, met: met, gateway: id.gateway, sessionKey: id.key)
    }

    /// As the stages let it through; nil when they withhold it.
    private func rewritten(_ record: MessageRecord, in id: SessionID) async throws -> MessageRecord? {
        let context = makeContext(nil, credential: nil, principal: nil, gateway: id.gateway)
        let run = run(of: record, in: id)
        let event = OutboundEvent(
            kind: .final, run: run, text: record.text, blocks: record.blocks, usage: record.usage,
            timestamp: record.timestamp)
        guard let event = try await chain(of: run, context).rewrite(event, context: context) else { return nil }
        guard !event.text.isEmpty || !event.blocks.isEmpty else { return nil }
        var record = record
        record.text = event.text
        record.blocks = event.blocks
        record.usage = event.usage
        return record
    }

    private func records(
        of history: ArraySlice<HistoryMessage>, in id: SessionID, owner: String?
    ) -> [MessageRecord] {
        var records: [MessageRecord] = []
        var time = Timestamp(milliseconds: 0)
        // Messages without an id are told apart by their time, and those of one time by their number.
        var count: [String: Int] = [:]
        for entry in history {
            time = max(time, entry.message.timestamp ?? time)
            guard let role = MessageRecord.Role(rawValue: entry.message.role) else { continue }
            var name = entry.id ?? "\(time.milliseconds)-\(entry.message.role)"
            let number = count[name, default: 0] + 1
            count[name] = number
            if number > 1 { name += "-\(number)" }
            guard !entry.message.text.isEmpty || !entry.message.blocks.isEmpty else { continue }
            records.append(
                MessageRecord(
                    gateway: id.gateway, sessionKey: id.key, owner: owner, role: role,
                    state: entry.isAborted ? .aborted : entry.error == nil ? .complete : .failed,
                    runID: RunName.history(name), text: entry.message.text, blocks: entry.message.blocks,
                    error: entry.error, usage: entry.message.usage, agent: agentID(inSessionKey: id.key),
                    timestamp: time))
        }
        return records
    }

    private func run(of record: MessageRecord, in id: SessionID) -> Run {
        Run(id: record.runID, gateway: id.gateway, sessionKey: id.key, agent: record.agent, startedAt: record.timestamp)
    }

    private func show(_ record: MessageRecord, in id: SessionID) {
        guard let session = sessions[id] else { return }
        let run = run(of: record, in: id)
        let context = makeContext(nil, credential: nil, principal: nil, gateway: id.gateway)
        let live = LiveRun(
            run: run, chain: chain(of: run, context), context: context, session: session, upstream: id, arrivedAt: nil,
            now: time.uptime)
        let event = OutboundEvent(
            kind: record.role == .user ? .message : .final, run: run, text: record.text, blocks: record.blocks,
            usage: record.usage, timestamp: record.timestamp)
        broadcast(.whole(event), of: live)
    }
}
