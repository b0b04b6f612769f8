/// Keeps messages. Safe to call from anywhere; writes that arrive together share a transaction.
public protocol MessageStore: Sendable {
    /// Stores a message, its session if it is new, and `rows`, in one transaction, and returns once it is committed.
    ///
    /// A message whose run, role and session are stored already is not stored twice: the id of the stored one is returned.
    /// - Throws: ``StorageFailure``; nothing of the transaction is kept then.
    @discardableResult
    func store(_ record: MessageRecord, rows: [OutboxRow]) async throws -> Int64

    /// Notes on the user's message of a run that the agent chose to say nothing, so that nobody waits for the answer after
    /// a restart. Nothing happens when there is no such message.
    /// - Throws: ``StorageFailure``.
    func markUnanswered(gateway: String, sessionKey: String, runID: String) async throws
}

/// A message as it is kept.
public struct MessageRecord: Sendable, Hashable {
    public enum Role: String, Sendable { case user, assistant, system }
    /// How the message ended up.
    public enum State: String, Sendable {
        case complete
        /// An answer that was stopped: the text is what had been said.
        case aborted
        /// An answer that failed: the text is what had been said.
        case failed
        /// A user's message to which the agent chose to say nothing.
        case unanswered
    }

    public var gateway: String
    /// The canonical session key.
    public var sessionKey: String
    /// Whom the session belongs to if it is new: nil when it was started elsewhere.
    public var owner: String?
    public var role: Role
    public var state: State
    public var runID: String
    public var text: String
    public var blocks: [ContentBlock]
    public var attachments: [Attachment]
    /// For a failed answer: why.
    public var error: String?
    /// For a failed answer: the code of the error.
    public var errorKind: String?
    public var usage: Usage?
    public var agent: String?
    /// The model that answered, if it is known. Not kept; for the rows that go with the message.
    public var model: String?
    /// For a user's message: where it went instead of to the session's gateway.
    public var route: MessageRoute?
    public var timestamp: Timestamp

    public init(
        gateway: String,
        sessionKey: String,
        owner: String?,
        role: Role,
        state: State = .complete,
        runID: String,
        text: String,
        blocks: [ContentBlock] = [],
        attachments: [Attachment] = [],
        error: String? = nil,
        usage: Usage? = nil,
        agent: String? = nil,
        model: String? = nil,
        timestamp: Timestamp
    ) {
        self.gateway = gateway
        self.sessionKey = sessionKey
        self.owner = owner
        self.role = role
        self.state = state
        self.runID = runID
        self.text = text
        self.blocks = blocks
        self.attachments = attachments
        self.error = error
        self.usage = usage
        self.agent = agent
        self.model = model
        self.timestamp = timestamp
    }
}

/// A row that a stage wants stored exactly when a message is stored.
public struct OutboxRow: Sendable, Hashable {
    /// The stage instance that will read the row again.
    public let stage: String
    /// What kind of row it is, in the stage's own words.
    public let topic: String
    public let payload: String
    /// The row is stored only if the message begins its session.
    public let isForNewSession: Bool
    /// Where in the payload, which is JSON then, the text of the message belongs that the row is stored with, as an SQLite path
    /// such as `$.data.text`; null stands there. Whoever reads the row finds the text in its place: a long one is not stored twice.
    /// The message has a text and no blocks.
    package let textPath: String?

    public init(stage: String, topic: String, payload: String, isForNewSession: Bool = false) {
        self.init(stage: stage, topic: topic, payload: payload, isForNewSession: isForNewSession, textPath: nil)
    }

    package init(stage: String, topic: String, payload: String, isForNewSession: Bool = false, textPath: String?) {
        self.stage = stage
        self.topic = topic
        self.payload = payload
        self.isForNewSession = isForNewSession
        self.textPath = textPath
    }
}

/// Implemented by a middleware that stores rows in the transaction of the persist stage above it.
public protocol RowContributor: Sendable {
    /// Called for the messages that the middleware's stage takes part in, before they reach it.
    func rows(for record: MessageRecord, context: MessageContext) -> [OutboxRow]
}

/// The database could not do what was asked. Nothing of it was kept.
public struct StorageFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Reason: String, Sendable { case full, readOnly, locked, damaged, other }
    public let reason: Reason
    /// Plain words for a person, without any of the data.
    public let description: String

    public init(reason: Reason, description: String) {
        self.reason = reason
        self.description = description
    }
}

/// The keys that users show to get in.
public protocol KeyStore: Sendable {
    /// The key with this public id, revoked ones included, or nil.
    func key(id: String) async throws -> StoredKey?
}

/// A key as it is kept: never the key itself.
public struct StoredKey: Sendable, Hashable {
    /// The public half, eight characters or more.
    public let id: String
    public let user: String
    public let isAdministrator: Bool
    /// SHA-256 of the secret half, 32 bytes.
    public let secretHash: [UInt8]
    public let createdAt: Timestamp
    public let revokedAt: Timestamp?

    public init(
        id: String, user: String, isAdministrator: Bool, secretHash: [UInt8], createdAt: Timestamp,
        revokedAt: Timestamp?
    ) {
        self.id = id
        self.user = user
        self.isAdministrator = isAdministrator
        self.secretHash = secretHash
        self.createdAt = createdAt
        self.revokedAt = revokedAt
    }
}
