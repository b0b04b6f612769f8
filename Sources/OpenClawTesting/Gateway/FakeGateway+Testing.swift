import JSON
import NIOCore
import WebSocketTransport

/// What tests do to a gateway.
extension FakeGateway {
    /// The oldest request that was not handed out by this function before; waits for one.
    ///
    /// When it returns, the request was answered, unless a fault or the protocol left it without an answer. Of requests
    /// that nobody asks for, the newest 1000 are kept.
    ///
    /// - Parameter method: nil: any.
    /// - Throws: `CancellationError` when the task is cancelled.
    public nonisolated func nextRequest(method: String? = nil) async throws -> RecordedRequest {
        try await receivedRequests.next { method == nil || $0.method == method }
    }

    /// The oldest run that was not handed out before, whatever its reply script is; waits for one.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    public nonisolated func nextRun() async throws -> FakeRun {
        try await startedRuns.next()
    }

    /// Replaces all faults. Connections that are open keep what happened to them.
    public func setFaults(_ faults: [Fault]) { self.faults = faults }

    /// Does this to all connections now.
    public func interrupt(_ interruption: Interruption) {
        for id in connections.keys.sorted() { commit(interruption, on: id) }
    }

    /// How many connections there were, those that are gone too.
    public var connectionCount: Int { lastConnectionID }

    /// How many clients got `hello-ok` and are still there.
    public var clientCount: Int { readyConnections.count }

    /// What users wrote in a session, oldest first.
    public func userMessages(in sessionKey: String) -> [String] {
        transcripts.messages(keys.canonical(sessionKey)).filter { $0["role"]?.string == "user" }.map { message in
            message["content"]?.array?.compactMap { $0["text"]?.string }.joined() ?? ""
        }
    }

    /// Sends a text frame as it is to every client that got `hello-ok`. It has no part in the sequence numbers.
    public func send(raw text: String) {
        for id in readyConnections { send(ByteBuffer(string: text), to: id) }
    }

    /// Changes the shared secret, and closes all connections with 4001 for it.
    public func changeToken(to token: String?) {
        self.token = token
        for connection in connections.values { connection.socket.close(code: 4001, reason: "gateway auth changed") }
    }

    /// Sends `tick` to all clients.
    public func tick() { broadcast("tick", ["ts": now]) }

    /// Ends all runs without an event, as a crash of the gateway and its new start do; the transcripts stay.
    public func forgetRuns() {
        startedAt = options.now()
        for script in scripts.values { script.cancel() }
        runs = [:]
        finishedRuns = FinishedRuns()
    }

    /// Adds a message to a session that somebody wrote in another channel. No run follows.
    ///
    /// - Parameter role: `user` or `assistant`.
    public func addMessage(_ text: String, role: String = "user", to sessionKey: String) {
        let key = keys.canonical(sessionKey)
        if role == "user" {
            transcripts.appendUser(text, to: key, at: options.now())
        } else {
            transcripts.appendReply(ReplyMessage(text: text), to: key, at: options.now(), stopReason: "stop")
        }
        sendNewestMessage(of: key)
    }

    /// Starts a run that no client asked for, such as one of another channel. It stays open until the test ends it.
    ///
    /// - Returns: The run; ``nextRun()`` hands it out as well.
    @discardableResult
    public func beginRun(sessionKey: String, runID: String = "foreign-run") -> FakeRun {
        let key = keys.canonical(sessionKey)
        let prompt = FakePrompt(
            runID: runID,
            sessionKey: key,
            agentID: keys.agentID(of: key),
            message: "",
            earlierMessages: transcripts.messages(key).count
        )
        begin(ActiveRun(prompt: prompt, rawKey: key, owner: nil, isCommand: false), steps: [.neverEnd])
        return FakeRun(prompt: prompt, gateway: self)
    }

    /// A whole run that no client asked for: one delta with the text, and the final.
    public func broadcastRun(sessionKey: String, text: String, runID: String = "foreign-run") {
        beginRun(sessionKey: sessionKey, runID: runID)
        perform(.delta(text), run: runID)
        perform(.final(), run: runID)
    }
}
