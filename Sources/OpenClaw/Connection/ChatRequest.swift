import JSON
package import MiddlewareKit

/// A message for an agent.
package struct ChatRequest: Sendable, Equatable {
    /// Sent in its canonical form.
    package var sessionKey: String
    package var message: String
    /// Becomes the run id. The same key again never starts a second run.
    package var idempotencyKey: String
    package var attachments: [Attachment]
    /// Who is to answer in the session that all agents share; nil: the default agent.
    package var agentID: String?
    /// How much the agent is to think, as a word of the gateway such as `high`; nil: as it usually does.
    package var thinking: String?
    /// When an earlier attempt with the same key set out, whose fate is not known; nil: this is the first one.
    package var sentBefore: Timestamp?

    package init(
        sessionKey: String, message: String, idempotencyKey: String, attachments: [Attachment] = [],
        agentID: String? = nil, thinking: String? = nil, sentBefore: Timestamp? = nil
    ) {
        self.sessionKey = sessionKey
        self.message = message
        self.idempotencyKey = idempotencyKey
        self.attachments = attachments
        self.agentID = agentID
        self.thinking = thinking
        self.sentBefore = sentBefore
    }

    /// A closed object for the gateway: what is empty is left out.
    ///
    /// - Parameter agentID: nil: the key says it, or the gateway is too old to be told.
    func params(canonicalKey: String, agentID: String? = nil) -> JSONValue {
        var params = JSONObject([
            ("sessionKey", .string(canonicalKey)),
            ("message", .string(message)),
            // The reply is for us, not for a channel that the session came from.
            ("deliver", false),
            ("idempotencyKey", .string(idempotencyKey)),
        ])
        params["thinking"] = thinking.map { .string($0) }
        params["agentId"] = agentID.map { .string($0) }
        if !attachments.isEmpty { params["attachments"] = .array(attachments.map(Self.json)) }
        return .object(params)
    }

    private static func json(_ attachment: Attachment) -> JSONValue {
        var json = JSONObject([("type", .string(attachment.type)), ("mimeType", .string(attachment.mimeType))])
        if let name = attachment.fileName, !name.isEmpty { json["fileName"] = .string(name) }
        json["content"] = .string(attachment.content)
        return .object(json)
    }
}

/// What the gateway says to a chat message (OpenClaw protocol: chat.send responses).
package enum ChatAcknowledgement: Sendable, Equatable {
    /// Events of this run follow, or have come already.
    case started(runID: String)
    /// This run is under way already; the id may be another than the one that was sent. Events follow.
    case inFlight(runID: String)
    /// This run has ended before. No events follow: the answer is in the history.
    case finished(runID: String)
    /// The text was a stop command: these runs were stopped, and no run was started.
    case stopped(runIDs: [String])

    /// Of the run that answers; nil: there is none.
    var runID: String? {
        switch self {
        case .started(let runID), .inFlight(let runID), .finished(let runID): runID
        case .stopped: nil
        }
    }

    init(payload: JSONValue, key: String) {
        let runID = payload["runId"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? key
        switch payload["status"]?.string {
        case "started", "accepted", "queued": self = .started(runID: runID)
        case "in_flight": self = .inFlight(runID: runID)
        case .some: self = .finished(runID: runID)
        case nil:
            let isStop = payload["runId"] == nil && (payload["aborted"] != nil || payload["runIds"] != nil)
            let runIDs = payload["runIds"]?.array?.compactMap(\.string) ?? []
            self = isStop ? .stopped(runIDs: runIDs) : .started(runID: runID)
        }
    }
}
