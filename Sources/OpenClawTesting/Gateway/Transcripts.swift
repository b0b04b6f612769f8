import Foundation
import JSON

/// The messages of all sessions, oldest first.
struct Transcripts {
    private struct Session {
        let id = UUID().uuidString.lowercased()
        var messages: [JSONValue] = []
        /// The run that each message belongs to, if any.
        var runs: [String?] = []
        var updatedAt: Int64?
        /// What `sessions.patch` set.
        var choices: JSONObject = [:]
    }

    private static let maxSessions = 500
    private static let maxMessages = 1000
    /// What a stored assistant message says about its model.
    private let provider: String?
    private let model: String?
    private var sessions: [String: Session] = [:]
    /// Canonical; the session that changed last is the last one.
    private(set) var keys: [String] = []

    init(provider: String?, model: String?) {
        self.provider = provider
        self.model = model
    }

    func messages(_ key: String) -> [JSONValue] { sessions[key]?.messages ?? [] }
    func sessionID(_ key: String) -> String { sessions[key]?.id ?? "" }
    func updatedAt(_ key: String) -> Int64? { sessions[key]?.updatedAt }

    func choices(_ key: String) -> JSONObject { sessions[key]?.choices ?? [:] }

    /// Makes the session when it is not there.
    mutating func choose(_ choices: JSONObject, in key: String, at time: Int64) {
        touch(key, at: time)
        sessions[key]?.choices = choices
    }

    /// False when there is no such session.
    mutating func remove(_ key: String) -> Bool {
        keys.removeAll { $0 == key }
        return sessions.removeValue(forKey: key) != nil
    }

    mutating func appendUser(_ text: String, to key: String, run: String? = nil, at time: Int64) {
        append(ReplyMessage(role: "user", text: text).json(timestamp: .integer(time)), to: key, run: run, at: time)
    }

    /// - Parameters:
    ///   - run: The reply stands behind the message that it answers: a session has one run after the other.
    ///   - more: Members beside those that every stored reply has.
    mutating func appendReply(
        _ message: ReplyMessage,
        to key: String,
        run: String? = nil,
        at time: Int64,
        stopReason: String,
        more: JSONObject = [:]
    ) {
        guard case .object(var stored) = message.json(timestamp: .integer(time)) else { return }
        stored["provider"] = provider.map { .string($0) }
        stored["model"] = model.map { .string($0) }
        stored["stopReason"] = .string(stopReason)
        for (name, value) in more { stored[name] = value }
        append(.object(stored), to: key, run: run, at: time)
    }

    /// Forgets the messages, as `/new` does.
    mutating func clear(_ key: String, at time: Int64) {
        touch(key, at: time)
        sessions[key] = Session(updatedAt: time, choices: choices(key))
    }

    private mutating func append(_ message: JSONValue, to key: String, run: String?, at time: Int64) {
        touch(key, at: time)
        guard var session = sessions.removeValue(forKey: key) else { return }
        let asked = run.flatMap { run in session.runs.lastIndex(of: run) }
        session.messages.insert(message, at: asked.map { $0 + 1 } ?? session.messages.endIndex)
        session.runs.insert(run, at: asked.map { $0 + 1 } ?? session.runs.endIndex)
        if session.messages.count > Self.maxMessages {
            session.messages.removeFirst()
            session.runs.removeFirst()
        }
        sessions[key] = session
    }

    private mutating func touch(_ key: String, at time: Int64) {
        keys.removeAll { $0 == key }
        keys.append(key)
        sessions[key, default: Session()].updatedAt = time
        if keys.count > Self.maxSessions { sessions[keys.removeFirst()] = nil }
    }
}

/// A message as events and history carry it.
struct ReplyMessage {
    var role = "assistant"
    var thinking = ""
    var text: String

    var isEmpty: Bool { text.isEmpty && thinking.isEmpty }

    func json(timestamp: JSONValue) -> JSONValue {
        var content: [JSONValue] = []
        if !thinking.isEmpty { content.append(["type": "thinking", "thinking": .string(thinking)]) }
        if !text.isEmpty { content.append(["type": "text", "text": .string(text)]) }
        return ["role": .string(role), "content": .array(content), "timestamp": timestamp]
    }
}
