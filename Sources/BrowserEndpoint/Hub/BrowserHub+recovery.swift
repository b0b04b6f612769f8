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
        comparedSessions = comparedSessions.filter { $0.gateway != gateway }
        searchEnds(of: gateway, among: runs.keys.filter { $0.gateway == gateway })
        for session in sessions.values where session.id.gateway == gateway && !session.audiences.isEmpty {
            let id = session.id
            jobs.submit { await self.compareHistory(of: id, isShown: true) }
        }
    }

    func gatewayIsAway(_ gateway: String) {
        guard !isDraining, runs.keys.contains(where: { $0.gateway == gateway }) else { return }
        let since = time.uptime
        let number = startSearch(of: gateway)
        jobs.submit {
            guard await self.pause(Self.awayPatience) else { return }
            await self.endSilentRuns(of: gateway, since: since, search: number)
        }
    }

    private func endSilentRuns(of gateway: String, since: Duration, search number: Int) {
        guard searches[gateway] == number, status(of: gateway)?.isConnected != true else { return }
        for (key, run) in runs where key.gateway == gateway && run.isAccepted && run.lastHeard <= since {
            giveUp(run, wasSeen: false)
        }
        flush()
    }

    /// A newer search of a gateway's runs takes the place of an older one.
    private func startSearch(of gateway: String) -> Int {
        let number = searches[gateway, default: 0] + 1
        searches[gateway] = number
        return number
    }

    // MARK: Searching

    /// Asks the gateway about these runs, until each of them has ended or is heard of again.
    func searchEnds(of gateway: String, among keys: [RunKey]) {
        guard !keys.isEmpty else { return }
        let number = startSearch(of: gateway)
        let since = time.uptime
        jobs.submit { await self.search(gateway, keys, silentSince: since, number) }
    }

    private func search(_ gateway: String, _ keys: [RunKey], silentSince since: Duration, _ number: Int) async {
        var searched = Dictionary(uniqueKeysWithValues: keys.map { ($0, RunSearch()) })
        var pauses = RunSearch.pauses[...]
        while !searched.isEmpty {
            guard await pause(pauses.popFirst() ?? RunSearch.activePause), searches[gateway] == number else { return }
            for key in searched.keys.sorted(by: { $0.runID < $1.runID }) {
                guard let run = runs[key], !run.hasEnded, run.lastHeard <= since || run.isRestored else {
                    searched[key] = nil
                    continue
                }
                // Somebody is still trying to hand the message over, and gets an answer.
                guard run.isAccepted else { continue }
                if await ask(about: run, &searched[key]) { searched[key] = nil }
            }
            flush()
        }
    }

    /// - Returns: Whether the search is over.
    private func ask(about run: LiveRun, _ search: inout RunSearch?) async -> Bool {
        let sought = SoughtRun(
            runID: run.run.id, sessionKey: run.upstream.key, message: run.sentText, since: run.run.startedAt)
        let finding = try? await gateways.find(sought, gateway: run.upstream.gateway)
        guard !run.hasEnded else { return true }
        switch search?.judge(finding) {
        case .askAgain: return false
        case .end(let event): end(run, by: event)
        case .giveUp(let wasSeen): giveUp(run, wasSeen: wasSeen)
        case nil: break
        }
        return true
    }

    /// The gateway says that a run with this key has ended before: a message that was sent twice.
    func showEnd(of run: LiveRun) {
        let key = run.key
        jobs.submit { await self.findEnd(of: key) }
    }

    private func findEnd(of key: RunKey) async {
        guard let run = runs[key] else { return }
        let sought = SoughtRun(
            runID: key.runID, sessionKey: run.upstream.key, message: run.sentText, since: run.run.startedAt)
        if case .ended(let event, _)? = try? await gateways.find(sought, gateway: key.gateway) {
            end(run, by: event)
        } else {
            let words = "This `idempotencyKey` was used before. Send the message again with another one."
            end(run, .error, RunOutcome(detail: words, errorKind: "key_used", timestamp: time.now))
        }
        flush()
    }

    private func giveUp(_ run: LiveRun, wasSeen: Bool) {
        guard !run.hasEnded else { return }
        run.wasGivenUp = true
        logger.warning(
            "a run was given up: its gateway does not tell how it ended",
            metadata: ["gateway.id": "\(run.upstream.gateway)", "run.id": "\(run.run.id)"])
        let isUndelivered = run.isRestored && !wasSeen
        let words =
            isUndelivered
            ? "The server was stopped before the gateway took this message. Send it again."
            : "The connection to the gateway was lost while it answered, and the answer did not go on."
        end(
            run, .error,
            RunOutcome(detail: words, errorKind: isUndelivered ? "undelivered" : "gateway_lost", timestamp: time.now))
    }

    /// False when the server ends.
    nonisolated func pause(_ duration: Duration) async -> Bool {
        let time = time
        return (try? await cancelWhenGracefulShutdown { try await time.sleep(for: duration) }) != nil
    }

    // MARK: After a start

    /// Takes up the runs that the last stop left unfinished. Call it before the gateways connect.
    ///
    /// - Parameter gateways: The ids of all that are configured.
    package func restoreRuns(gateways: Set<String>) async throws {
        let oldest = Timestamp(milliseconds: time.now.milliseconds - Self.restoreLimit.wholeMilliseconds)
        let unfinished = try await storage.unfinishedRuns(since: oldest)
        for stored in unfinished {
            let id = SessionID(gateway: stored.gateway, key: stored.sessionKey)
            let session = try await session(id)
            let principal = stored.owner.map { Principal(user: $0) }
            let context = makeContext(nil, credential: nil, principal: principal)
            let upstream = target(of: stored.route, for: id)
            let run = begin(stored.runID, session, upstream: upstream, context: context, startedAt: stored.sentAt)
            run.sentText = stored.text
            run.isRestored = true
            if !gateways.contains(upstream.gateway) { giveUp(run, wasSeen: false) }
        }
        guard !unfinished.isEmpty else { return }
        logger.info("looking for the answers to \(unfinished.count) messages that the last stop left open")
        for gateway in gateways.intersection(unfinished.map { $0.route?.gateway ?? $0.gateway }) {
            gatewayIsAway(gateway)
        }
    }
}
