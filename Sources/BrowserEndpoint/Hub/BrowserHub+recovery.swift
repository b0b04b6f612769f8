import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import ServiceLifecycle
import Storage

/// Runs that a lost connection, or a stop of the server, came between: their ends are looked for in the gateway's history.
/// Nobody waits for an answer for ever.
extension BrowserHub {
    /// How long runs wait for a gateway that went away.
    static let awayPatience = Duration.seconds(300)
    /// Answers to messages that are older are not looked for after a start.
    static let restoreLimit = Duration.seconds(24 * 3600)

    // MARK: Gateways that come and go

    func gatewayIsBack(_ gateway: String) {
        awaySince[gateway] = nil
        for (key, run) in runs where key.gateway == gateway && run.isAccepted { tell(run, phase: RunPhase.sought) }
        searchEnds(of: gateway, among: runs.keys.filter { $0.gateway == gateway })
        compareWatchedSessions(of: gateway)
    }

    /// Called for each attempt to connect that fails; the patience begins with the first one.
    func gatewayIsAway(_ gateway: String) {
        guard !isDraining, awaySince[gateway] == nil else { return }
        let since = time.uptime
        awaySince[gateway] = since
        let known = runs.filter { $0.key.gateway == gateway }
        guard !known.isEmpty else { return }
        // The gateway can be asked nothing before it is back.
        for run in known.values {
            run.search = 0
            tell(run, phase: RunPhase.waiting)
        }
        jobs.submit {
            guard await self.pause(Self.awayPatience) else { return }
            await self.endSilentRuns(of: gateway, since: since)
        }
    }

    private func endSilentRuns(of gateway: String, since: Duration) {
        guard awaySince[gateway] == since else { return }
        for (key, run) in runs where key.gateway == gateway && run.isAccepted && !run.isFollower {
            giveUp(run, wasSeen: nil)
        }
        flush()
    }

    // MARK: Searching

    /// Asks the gateway about these runs, until each of them has ended or is heard of again.
    func searchEnds(of gateway: String, among keys: [RunKey]) {
        guard !keys.isEmpty else { return }
        lastSearch += 1
        let number = lastSearch
        for key in keys {
            runs[key]?.search = number
            runs[key]?.isSought = true
        }
        let since = time.uptime
        jobs.submit { await self.search(keys, silentSince: since, number) }
    }

    /// A newer search of a run takes the place of an older one.
    private func search(_ keys: [RunKey], silentSince since: Duration, _ number: Int) async {
        var searched = Dictionary(
            uniqueKeysWithValues: keys.map { ($0, RunSearch(isRestored: runs[$0]?.isRestored ?? false)) })
        var pauses = RunSearch.pauses[...]
        while !searched.isEmpty {
            guard await pause(pauses.popFirst() ?? RunSearch.activePause) else { return }
            for key in searched.keys.sorted(by: { $0.runID < $1.runID }) {
                guard let run = runs[key], run.search == number, !run.hasEnded, !run.isFollower,
                    run.lastHeard <= since || run.isRestored
                else {
                    searched[key] = nil
                    continue
                }
                // Somebody is still trying to hand the message over, and gets an answer.
                guard run.isAccepted else { continue }
                if await ask(about: run, &searched[key], silentSince: since, number) { searched[key] = nil }
            }
            flush()
        }
    }

    /// - Returns: Whether the search is over.
    private func ask(
        about run: LiveRun, _ search: inout RunSearch?, silentSince since: Duration, _ number: Int
    ) async -> Bool {
        let finding = await find(run)
        // What was found out says nothing of a run that went on meanwhile, or that is asked about anew.
        guard !run.hasEnded, run.search == number, run.lastHeard <= since || run.isRestored else { return true }
        switch search?.judge(finding) {
        case .askAgain: return false
        case .end(let event): end(run, by: event)
        case .giveUp(let wasSeen): giveUp(run, wasSeen: wasSeen)
        case nil: break
        }
        return true
    }

    /// What the gateway says of a run; nil: nothing.
    ///
    /// - Parameter isNewest: The gateway has said that it got the message before.
    func find(_ run: LiveRun, isNewest: Bool = false) async -> RunFinding? {
        var sought = SoughtRun(
            runID: run.gatewayRunID, sessionKey: run.upstream.key, message: run.sentText, since: run.run.startedAt)
        sought.isNewest = isNewest || run.gatewayRunID != run.run.id
        sought.twins = run.twins
        let finding = try? await gateways.find(sought, gateway: run.upstream.gateway)
        if finding == .running { run.isSought = false }
        return finding
    }

    /// The gateway says that a run with this key has ended before: a message that was sent twice.
    func showEnd(of run: LiveRun) {
        let key = run.key
        jobs.submit { await self.findEnd(of: key) }
    }

    private func findEnd(of key: RunKey) async {
        guard let run = runs[key] else { return }
        let (runID, id) = (run.run.id, run.session.id)
        if (try? await storage.isRunElsewhere(runID, gateway: id.gateway, sessionKey: id.key)) == true {
            let words =
                "This `idempotencyKey` belongs to a message in another session. Send this one with a key of its own."
            end(run, .error, RunOutcome(detail: words, errorKind: "key_used", timestamp: time.now))
            return flush()
        }
        if let stored = await storedEnd(of: runID, in: id), show(stored, of: run) { return }
        let finding = await find(run, isNewest: true)
        switch finding {
        case .ended(let event, isActive: nil), .ended(let event, isActive: false):
            end(run, by: event)
        case .ended, .running, .pending(isActive: true):
            // Something goes on in the session: its answer may not be whole yet.
            searchEnds(of: key.gateway, among: [key])
        case .pending:
            // The agent chose to say nothing.
            end(run, .final, RunOutcome(text: "", timestamp: time.now))
        case nil:
            // It could not be asked.
            searchEnds(of: key.gateway, among: [key])
        case .unseen:
            let words =
                "The gateway has answered this message before, and its answer cannot be found any more. "
                + "If you still need it, ask in a new message."
            end(run, .error, RunOutcome(detail: words, errorKind: "key_used", timestamp: time.now))
        }
        flush()
    }

    /// How a run has ended before, in whatever way; nil when nothing is stored of it, or it cannot be read.
    func storedEnd(of runID: String, in id: SessionID) async -> StoredEnd? {
        try? await storage.end(ofRun: runID, gateway: id.gateway, sessionKey: id.key)
    }

    /// A message that was answered before: the answer is shown as it is stored. The stages have met it then.
    ///
    /// - Returns: False when it is neither a whole answer nor a stopped one.
    func show(_ stored: StoredEnd, of run: LiveRun) -> Bool {
        guard stored.state != .failed, !run.hasEnded else { return false }
        run.isAccepted = true
        run.hasEnded = true
        let event = OutboundEvent(
            kind: stored.state == .aborted ? .aborted : .final, run: run.run, text: stored.text, blocks: stored.blocks,
            usage: stored.usage, timestamp: stored.timestamp)
        show(event, of: run.key)
        finish(run)
        flush()
        return true
    }

    /// The run has ended, and neither its events nor its end brought any text: the history may have it
    /// (OpenClaw protocol: final semantics).
    func lookForAnswer(of run: LiveRun) {
        let key = run.key
        jobs.submit { await self.findAnswer(of: key) }
    }

    private func findAnswer(of key: RunKey) async {
        guard let run = runs[key] else { return }
        switch await find(run) {
        case .ended(let event, _): end(run, by: event)
        // It could not be asked: that says nothing of the answer.
        case nil: searchEnds(of: key.gateway, among: [key])
        case .running, .pending, .unseen: end(run, by: .final(nil))
        }
        flush()
    }

    /// - Parameter wasSeen: Whether the gateway has the message; nil: it could not be asked.
    func giveUp(_ run: LiveRun, wasSeen: Bool?) {
        guard !run.hasEnded else { return }
        run.wasGivenUp = true
        logger.warning(
            "a run was given up: its gateway does not tell how it ended",
            metadata: ["gateway.id": "\(run.upstream.gateway)", "run.id": "\(run.run.id)"])
        let isUndelivered = run.isRestored && wasSeen == false
        let words =
            switch (isUndelivered, run.isRestored && wasSeen == nil) {
            case (true, _): "The server was stopped, and the gateway does not know this message. Send it again."
            case (_, true):
                "The server was stopped before this message was answered, and the gateway could not be asked about it "
                    + "since: it is not known whether it arrived."
            default: "The connection to the gateway was lost while it answered, and the answer did not go on."
            }
        end(
            run, .error,
            RunOutcome(detail: words, errorKind: isUndelivered ? "undelivered" : "gateway_lost", timestamp: time.now))
    }

    /// False when the server ends.
    nonisolated func pause(_ duration: Duration) async -> Bool {
        let time = time
        return (try? await cancelWhenGracefulShutdown { try await time.sleep(for: duration) }) != nil
    }

    // MARK: Runs that are quiet

    /// Sees to it that a run of a gateway is asked about when nothing was heard of it for long, although the gateway is
    /// connected: its end may have been lost without a trace.
    func lookAfterQuietRuns(of gateway: String) {
        guard gatewaysLookedAfter.insert(gateway).inserted else { return }
        jobs.submit { await self.askAboutQuietRuns(of: gateway) }
    }

    private func askAboutQuietRuns(of gateway: String) async {
        var searches: [RunKey: QuietSearch] = [:]
        while await pause(QuietSearch.interval) {
            searches = searches.filter { runs[$0.key] != nil }
            let keys = runs.keys.filter { $0.gateway == gateway }
            if keys.isEmpty { break }
            for key in keys.sorted(by: { $0.runID < $1.runID }) {
                guard let run = runs[key], run.isAccepted, !run.hasEnded, !run.isFollower,
                    time.uptime - run.lastHeard >= QuietSearch.interval
                else {
                    searches[key] = nil
                    continue
                }
                let lastHeard = run.lastHeard
                let finding = await find(run)
                guard !run.hasEnded, run.lastHeard == lastHeard else { continue }
                switch searches[key, default: QuietSearch()].judge(finding) {
                case .askAgain: break
                case .end(let event): end(run, by: event)
                case .giveUp(let wasSeen): giveUp(run, wasSeen: wasSeen)
                }
            }
            flush()
        }
        gatewaysLookedAfter.remove(gateway)
    }

    // MARK: After a start

    /// Takes up the runs that the last stop left unfinished. Call it before the gateways connect.
    ///
    /// - Parameter gateways: The ids of all that are configured.
    package func restoreRuns(gateways: Set<String>) async throws {
        let oldest = Timestamp(milliseconds: time.now.milliseconds - Self.restoreLimit.wholeMilliseconds)
        let forgotten = try await storage.markUnanswered(before: oldest)
        if forgotten > 0 { logger.info("never answered, and more than a day old: \(forgotten)") }
        let unfinished = try await storage.unfinishedRuns(since: oldest)
        for stored in unfinished {
            let run = try await restore(stored)
            if !gateways.contains(run.upstream.gateway) { giveUp(run, wasSeen: nil) }
        }
        guard !unfinished.isEmpty else { return }
        logger.info("looking for the answers that the last stop left open: \(unfinished.count)")
        for gateway in gateways.intersection(runs.keys.map(\.gateway)) {
            awaySince[gateway] = nil
            if status(of: gateway)?.isConnected == true { gatewayIsBack(gateway) } else { gatewayIsAway(gateway) }
        }
    }

    private func restore(_ stored: UnfinishedRun) async throws -> LiveRun {
        let id = SessionID(gateway: stored.gateway, key: stored.sessionKey)
        let session = try await session(id)
        let principal = stored.owner.map { Principal(user: $0) }
        let context = makeContext(nil, credential: nil, principal: principal)
        let upstream = target(of: stored.route, for: id)
        let run = begin(stored.runID, session, upstream: upstream, context: context, startedAt: stored.sentAt)
        run.sentText = stored.text
        run.isRestored = true
        run.isSought = true
        run.twins = try await twins(of: stored)
        return run
    }

    /// Answers that were given up and that the gateway's history has after all take the place of the errors.
    func findLostAnswers(in id: SessionID) async throws {
        for stored in try await storage.lostRuns(gateway: id.gateway, sessionKey: id.key) {
            let key = RunKey(gateway: stored.route?.gateway ?? id.gateway, runID: stored.runID)
            guard runs[key] == nil else { continue }
            let upstream = target(of: stored.route, for: id)
            var sought = SoughtRun(
                runID: stored.runID, sessionKey: upstream.key, message: stored.text, since: stored.sentAt)
            sought.twins = try await twins(of: stored)
            guard
                case .ended(.final(let answer), let isActive)? = try? await gateways.find(sought, gateway: key.gateway),
                isActive != true, runs[key] == nil
            else { continue }
            let run = try await restore(stored)
            run.wasToldOfFailure = true
            end(run, by: .final(answer))
        }
    }

    private func twins(of stored: UnfinishedRun) async throws -> [SoughtRun.Twin] {
        try await storage.answeredTwins(of: stored).map { SoughtRun.Twin(runID: $0.runID, sentAt: $0.sentAt) }
    }
}
