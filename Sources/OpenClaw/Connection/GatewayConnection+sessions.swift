import JSON
import MiddlewareKit

/// What the gateway tells of its sessions, beside the runs (OpenClaw protocol: subscriptions).
extension GatewayConnection {
    /// Not every gateway knows it; our own chats need none.
    func subscribeToSessions(_ hello: Hello) {
        guard hello.methods.contains("sessions.subscribe") else { return }
        ask("sessions.subscribe", [:]) { _, _ in }
    }

    func receive(event name: String, _ payload: JSONValue) {
        switch name {
        case "chat": receive(chat: payload)
        case "chat.side_result": receive(sideResult: payload)
        case "session.message": receive(sessionMessage: payload)
        case "exec.approval.requested": receive(approval: payload)
        case "exec.approval.resolved": receive(decision: payload)
        case "sessions.changed":
            if let session = GatewaySession(row: payload, key: payload["sessionKey"] ?? payload["key"], keys: runs.keys)
            {
                knownSessions.note(session.key)
                tell(.sessions([session]))
            }
        default: break
        }
    }

    func tell(_ notice: GatewayNotice) { observer?.gateway(id, didReceive: notice) }

    private func receive(sessionMessage payload: JSONValue) {
        guard let key = payload["sessionKey"]?.string, let json = payload["message"],
            var message = HistoryMessage(json: json)
        else { return }
        message.id = message.id ?? payload["messageId"]?.string
        knownSessions.note(canonicalKey(key))
        tell(.message(sessionKey: canonicalKey(key), message))
    }

    /// The answer to a question beside the conversation (`/btw`). The final of its run comes without a message.
    private func receive(sideResult payload: JSONValue) {
        guard let runID = payload["runId"]?.string, let text = payload["text"]?.string, !runID.isEmpty else { return }
        let event: JSONValue = [
            "runId": .string(runID), "sessionKey": payload["sessionKey"] ?? "", "state": "delta",
            "message": ["role": "assistant", "content": [["type": "text", "text": .string(text)]]],
        ]
        receive(chat: event)
    }
}

extension GatewaySession {
    /// Nil when it has no key.
    init?(row: JSONValue, key: JSONValue?, keys: SessionKeys) {
        guard let key = key?.string, !key.isEmpty else { return nil }
        self.key = keys.canonical(key)
        title = ["label", "displayName", "derivedTitle"].lazy.compactMap { row[$0]?.string }.first { !$0.isEmpty }
        if let name = row["model"]?.string, !name.isEmpty {
            let provider = row["modelProvider"]?.string ?? ""
            model = provider.isEmpty || name.contains("/") ? name : "\(provider)/\(name)"
        }
        lastActivity = row["updatedAt"]?.double.flatMap { Int64(exactly: $0.rounded()) }
            .map(Timestamp.init(milliseconds:))
    }
}
