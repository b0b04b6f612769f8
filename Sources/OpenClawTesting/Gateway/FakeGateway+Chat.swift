import Foundation
import JSON

/// `chat.send`, `chat.abort` and `chat.history` (OpenClaw protocol: chat).
extension FakeGateway {
    private static let stopPhrases: Set<String> = ["stop", "/stop"]

    func sendChat(_ parameters: JSONValue, request: String, connection id: Int) throws(GatewayRefusal) {
        guard let rawKey = parameters["sessionKey"]?.string, let runID = parameters["idempotencyKey"]?.string else {
            return
        }
        let key = sessionKey(parameters)
        let message = try cleaned(parameters)
        let isPlainText = parameters["suppressCommandInterpretation"]?.bool ?? false
        if !isPlainText, Self.stopPhrases.contains(message.trimmed.lowercased()) {
            let owner = owner(id)
            let stopped = runs.values.filter { $0.prompt.sessionKey == key && mayAbort($0, owner) }.map(\.prompt.runID)
                .sorted()
            for run in stopped { abort(run: run, stopReason: "stop") }
            return respond(to: request, abortedPayload(stopped), on: id)
        }
        if answerAgain(runID, request: request, connection: id) { return }
        if options.joinsEqualMessages,
            let run = runs.values.first(where: { run in
                run.prompt.sessionKey == key && run.prompt.message == message
            })
        {
            return respond(to: request, ["runId": .string(run.prompt.runID), "status": "in_flight"], on: id)
        }
        let agentID = keys.agentID(of: key)
        if options.protocolVersion == .v4, !options.agents.contains(where: { $0.id == agentID }) {
            throw .invalidRequest("Agent \"\(agentID)\" no longer exists in configuration")
        }
        respond(to: request, ["runId": .string(runID), "status": "started"], on: id)
        let prompt = FakePrompt(
            runID: runID,
            sessionKey: key,
            agentID: agentID,
            message: message,
            earlierMessages: transcripts.messages(key).count
        )
        let command = isPlainText ? nil : answer(toCommand: message, in: key)
        let run = ActiveRun(prompt: prompt, rawKey: rawKey, owner: owner(id), isCommand: command != nil)
        begin(run, steps: command.map { [.final($0)] } ?? options.reply.steps(for: prompt))
    }

    /// The canonical key; the agent of a key without one can be given beside it.
    private func sessionKey(_ parameters: JSONValue) -> String {
        let key = parameters["sessionKey"]?.string ?? ""
        guard let agentID = parameters["agentId"]?.string, !key.contains(":"), keys.canonical(key).contains(":") else {
            return keys.canonical(key)
        }
        return keys.canonical("agent:\(agentID):\(key)")
    }

    private func cleaned(_ parameters: JSONValue) throws(GatewayRefusal) -> String {
        let message = parameters["message"]?.string ?? ""
        guard !message.unicodeScalars.contains("\0") else {
            throw .invalidRequest("message must not contain null bytes")
        }
        let kept = message.precomposedStringWithCanonicalMapping.unicodeScalars.filter { scalar in
            scalar.properties.generalCategory != .control || ["\t", "\n", "\r"].contains(scalar)
        }
        let text = String(String.UnicodeScalarView(kept))
        guard !text.trimmed.isEmpty || parameters["attachments"]?.array?.isEmpty == false else {
            throw .invalidRequest("message or attachment required")
        }
        return text
    }

    /// Answers a key that was seen before. Events are not repeated.
    private func answerAgain(_ runID: String, request: String, connection id: Int) -> Bool {
        if runs[runID] != nil {
            respond(to: request, ["runId": .string(runID), "status": "in_flight"], on: id)
            return true
        }
        switch finishedRuns.outcome(runID, at: options.now()) {
        case nil: return false
        case .ended:
            respond(to: request, ["runId": .string(runID), "status": "ok"], on: id)
        case .failed(let message):
            let payload: JSONValue = ["runId": .string(runID), "status": "error", "summary": .string(message)]
            respond(to: request, GatewayRefusal(code: "UNAVAILABLE", message: message), payload: payload, on: id)
        }
        return true
    }

    /// What the gateway itself answers; nil: the text is for the agent.
    private func answer(toCommand message: String, in key: String) -> String? {
        switch message.trimmed.lowercased() {
        case "/new", "/reset":
            transcripts.clear(key, at: options.now())
            return "Started a new session."
        case "/status":
            let model = options.models.first.map { "\($0.provider)/\($0.id)" } ?? "none"
            return "Model: \(model)\nSession: \(key)\nMessages: \(transcripts.messages(key).count)"
        default:
            return nil
        }
    }

    func abortChat(_ parameters: JSONValue, connection id: Int) throws(GatewayRefusal) -> JSONValue {
        let key = sessionKey(parameters)
        let owner = owner(id)
        if let runID = parameters["runId"]?.string {
            guard let run = runs[runID] else { return abortedPayload([]) }
            // Protocol 3 compares the keys as they were written.
            let isSame =
                options.protocolVersion == .v4
                ? run.prompt.sessionKey == key : run.rawKey == parameters["sessionKey"]?.string
            guard isSame else { throw .invalidRequest("runId does not match sessionKey") }
            guard mayAbort(run, owner) else { throw .invalidRequest("unauthorized") }
            abort(run: runID, stopReason: "rpc")
            return abortedPayload([runID])
        }
        let found = runs.values.filter { $0.prompt.sessionKey == key }
        let allowed = found.filter { mayAbort($0, owner) }.map(\.prompt.runID).sorted()
        guard found.isEmpty || !allowed.isEmpty else { throw .invalidRequest("unauthorized") }
        for run in allowed { abort(run: run, stopReason: "rpc") }
        return abortedPayload(allowed)
    }

    private func owner(_ id: Int) -> ActiveRun.Owner {
        ActiveRun.Owner(connection: id, deviceID: connections[id]?.admission?.deviceID)
    }

    /// Protocol 4: the connection or the device that started it, or an administrator.
    private func mayAbort(_ run: ActiveRun, _ owner: ActiveRun.Owner) -> Bool {
        if options.protocolVersion == .v3 { return true }
        if connections[owner.connection]?.admission?.scopes.contains("operator.admin") == true { return true }
        guard let starter = run.owner else { return false }
        return starter.connection == owner.connection || (starter.deviceID != nil && starter.deviceID == owner.deviceID)
    }

    private func abortedPayload(_ runIDs: [String]) -> JSONValue {
        ["ok": true, "aborted": .bool(!runIDs.isEmpty), "runIds": .array(runIDs.map { .string($0) })]
    }

    func history(_ parameters: JSONValue) -> JSONValue {
        let key = sessionKey(parameters)
        let maxCharacters = parameters["maxChars"]?.int ?? 12_000
        let messages = transcripts.messages(key).suffix(parameters["limit"]?.int ?? 200)
        var payload: JSONObject = [
            "sessionKey": parameters["sessionKey"] ?? .null,
            "messages": .array(messages.map { $0.cut(to: maxCharacters) }),
            "thinkingLevel": "off",
        ]
        if transcripts.keys.contains(key) { payload["sessionId"] = .string(transcripts.sessionID(key)) }
        if options.protocolVersion == .v4, let run = runs.values.first(where: { $0.prompt.sessionKey == key }) {
            payload["inFlightRun"] = ["runId": .string(run.prompt.runID), "text": .string(run.text)]
        }
        return .object(payload)
    }
}

extension JSONValue {
    /// Every `text` and `thinking` of the content is cut to this many characters.
    fileprivate func cut(to maxCharacters: Int) -> JSONValue {
        guard case .object(var message) = self, let content = message["content"]?.array else { return self }
        message["content"] = .array(
            content.map { block in
                guard case .object(var members) = block else { return block }
                for name in ["text", "thinking"] {
                    guard let text = members[name]?.string, text.count > maxCharacters else { continue }
                    members[name] = .string(text.prefix(maxCharacters) + "\n...(truncated)...")
                }
                return .object(members)
            }
        )
        return .object(message)
    }
}
