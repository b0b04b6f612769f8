import JSON
package import MiddlewareKit

/// A run whose end somebody waits for, and may have missed.
package struct SoughtRun: Sendable {
    package var runID: String
    package var sessionKey: String
    /// The text that started it; nil when it was started elsewhere.
    package var message: String?
    /// When it was sent or first heard of.
    package var since: Timestamp
    /// The gateway says that it got the text before: the newest message with it is meant, however old it is.
    package var isNewest = false
    /// Messages with the same words in the session that are known to have been answered.
    package var twins: [Twin] = []

    package struct Twin: Sendable {
        package var runID: String
        package var sentAt: Timestamp

        package init(runID: String, sentAt: Timestamp) {
            self.runID = runID
            self.sentAt = sentAt
        }
    }

    package init(runID: String, sessionKey: String, message: String?, since: Timestamp) {
        self.runID = runID
        self.sessionKey = sessionKey
        self.message = message
        self.since = since
    }
}

/// What a gateway's history says of a run.
package enum RunFinding: Sendable, Equatable {
    /// The message that would have started it is not there. While something goes on in the session it may wait its turn.
    case unseen(isActive: Bool?)
    /// Under way. What it said so far was told to the observer.
    case running
    /// The message is there, and no answer yet.
    case pending(isActive: Bool?)
    /// This may be its end; it is for certain when the session is known to be idle.
    case ended(ChatEvent, isActive: Bool?)

    /// Whether the message is there.
    package var wasSeen: Bool { if case .unseen = self { false } else { true } }
}

extension GatewayConnection {
    /// The longest text that a gateway sends whole when it is asked to (OpenClaw protocol: chat.history).
    private static let maxHistoryText: Int64 = 500_000

    /// The newest messages of a session, oldest first, without silent replies.
    ///
    /// - Parameter limit: 1 to 1000.
    package func history(sessionKey: String, limit: Int) async throws(GatewayError) -> [HistoryMessage] {
        try await readHistory(sessionKey: sessionKey, limit: limit).messages
    }

    /// Looks for a run whose events were or may have been missed (OpenClaw protocol: after any reconnect).
    package func find(_ run: SoughtRun) async throws(GatewayError) -> RunFinding {
        let (messages, answer) = try await readHistory(sessionKey: run.sessionKey, limit: 100)
        if let inFlight = answer["inFlightRun"], inFlight["runId"]?.string == run.runID {
            catchUp(run, text: inFlight["text"]?.string ?? "")
            return .running
        }
        switch search(messages, for: run) {
        case .unseen: return .unseen(isActive: await isActive(sessionKey: run.sessionKey))
        case .pending: return .pending(isActive: await isActive(sessionKey: run.sessionKey))
        case .ended(let event): return .ended(event, isActive: await isActive(sessionKey: run.sessionKey))
        }
    }

    private func search(_ messages: [HistoryMessage], for run: SoughtRun) -> HistorySearch.Result {
        var run = run
        run.since = sent.time(of: run.runID) ?? run.since
        var search = HistorySearch(messages: messages, clockLead: machine.clockLead)
        if let text = run.message {
            let key = canonicalKey(run.sessionKey)
            for twin in run.twins { sent.remember(twin, text, in: key) }
            search.twins = sent.twins(
                of: run.runID, text, in: key, sentAt: run.since,
                earliest: search.earliest(run.since))
        }
        return search.end(of: run)
    }

    /// Takes the text for a snapshot, unless it is older than what came already.
    private func catchUp(_ run: SoughtRun, text: String) {
        if let known = runs.run(id: run.runID) {
            guard !known.isFinished, text.utf8.count > known.text.utf8.count else { return }
        }
        receive(chat: [
            "runId": .string(run.runID), "sessionKey": .string(run.sessionKey), "state": "delta",
            "message": ["role": "assistant", "content": [["type": "text", "text": .string(text)]]],
        ])
    }

    private func readHistory(
        sessionKey: String, limit: Int
    ) async throws(GatewayError) -> (messages: [HistoryMessage], answer: JSONValue) {
        let key = canonicalKey(sessionKey)
        var params: JSONObject = [
            "sessionKey": .string(key),
            "limit": .integer(Int64(min(max(limit, 1), 1_000))),
        ]
        params["agentId"] = agentParameter(sessionKey: key).map { .string($0) }
        // Without it long texts are cut.
        if takesMaxChars, hello?.protocolVersion ?? 0 >= 4 { params["maxChars"] = .integer(Self.maxHistoryText) }
        let answer: JSONValue
        do throws(GatewayError) {
            answer = try await request("chat.history", params: .object(params))
        } catch .refused("INVALID_REQUEST", let words, _) where params["maxChars"] != nil && words.contains("maxChars")
        {
            takesMaxChars = false
            return try await readHistory(sessionKey: sessionKey, limit: limit)
        }
        guard let rows = answer["messages"]?.array ?? answer.array else {
            throw .unexpectedAnswer(method: "chat.history")
        }
        let messages = rows.compactMap(HistoryMessage.init)
            .filter { $0.message.role != "assistant" || !SilentReply.isToken($0.message.text) }
        return (messages, answer)
    }

    /// Whether a run of the session is under way; nil when the gateway does not tell.
    private func isActive(sessionKey: String) async -> Bool? {
        let key = canonicalKey(sessionKey)
        let limit = 200
        let answer = try? await requestLeniently(
            "sessions.list",
            params: ["limit": .integer(Int64(limit)), "includeGlobal": true, "includeUnknown": true])
        guard let rows = answer?["sessions"]?.array else { return nil }
        if let row = rows.first(where: { $0["key"]?.string == key }) { return row["hasActiveRun"]?.bool }
        // Nothing goes on in a session that the gateway does not have. Those of protocol 3 do not tell of runs at all.
        return rows.count < limit && hello?.protocolVersion ?? 0 >= 4 ? false : nil
    }
}
