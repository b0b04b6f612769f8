public import Logging

/// What is known about a message beside its content. A value: a stage hands a changed copy on with `next`.
public struct MessageContext: Sendable {
    private var fields: Boxed<Fields>

    /// Unique for each message; `message.id` in the log.
    public var id: String { fields.value.id }
    /// The browser connection or HTTP call that the message came in on; nil for events that no browser asked for.
    public var connection: ConnectionInfo? { fields.value.connection }
    /// What the browser showed to prove who it is.
    public var credential: Credential? {
        get { fields.value.credential }
        _modify { yield &fields.value.credential }
    }
    /// Who the message is from. Set by an auth stage.
    public var principal: Principal? {
        get { fields.value.principal }
        _modify { yield &fields.value.principal }
    }
    /// The model that answers, as far as it is known.
    public var model: String? {
        get { fields.value.model }
        _modify { yield &fields.value.model }
    }
    /// The number of the loaded configuration whose chain the message runs through.
    public var generation: Int { fields.value.generation }
    /// The message's place in a trace, as W3C's `traceparent` header has it, to be handed on to other systems; nil when the
    /// message is not traced.
    public package(set) var traceparent: String? {
        get { fields.value.traceparent }
        _modify { yield &fields.value.traceparent }
    }
    /// Carries `message.id` and `gateway.id` as metadata.
    public var logger: Logger {
        get { fields.value.logger }
        _modify { yield &fields.value.logger }
    }

    /// How text must look where it is kept or sent to others than the gateway and the browsers (storage, webhooks). Set by a
    /// stage that hides something from them; nil: as it is.
    public var rewriteKept: (@Sendable (String) -> String)? {
        get { fields.value.rewriteKept }
        _modify { yield &fields.value.rewriteKept }
    }

    /// What stages noted on the message, by name.
    public var notes: [String: String] { fields.value.notes }

    // These two change from stage to stage, and not only now and then.

    /// Stages below the running one that store rows together with a message; set by the engine.
    package var contributors: [any RowContributor] = []
    /// A stage above has kept the message, with the rows of its contributors: `user` on the way to the gateway, `assistant`
    /// on the way to the browsers. Nil: no stage above keeps messages.
    package var keptRole: MessageRecord.Role?

    /// The stage runs with `mode: shadow`: what it does must have no effect.
    package var isShadow: Bool {
        get { fields.value.isShadow }
        _modify { yield &fields.value.isShadow }
    }

    public init(
        id: String,
        connection: ConnectionInfo? = nil,
        credential: Credential? = nil,
        principal: Principal? = nil,
        generation: Int = 1,
        logger: Logger
    ) {
        fields = Boxed(
            Fields(
                id: id, connection: connection, generation: generation, credential: credential, principal: principal,
                logger: logger))
    }

    /// A value of a stage's own. Values set on a chat message are there again on the events of the run that it starts.
    public subscript<Key: ContextKey>(key: Key.Type) -> Key.Value? {
        get { fields.value.slots[ObjectIdentifier(key)] as? Key.Value }
        set { fields.value.slots[ObjectIdentifier(key)] = newValue }
    }

    /// `text` as it may be kept. A stage that stores text, or sends it elsewhere, asks for it with this.
    public func kept(_ text: String) -> String { rewriteKept?(text) ?? text }

    /// Notes something on the message for stages below; log lines of the message carry it as `note.<name>`.
    public mutating func note(_ text: String, as name: String) {
        fields.value.notes[name] = text
        fields.value.logger[metadataKey: "note.\(name)"] = "\(text)"
    }

    /// The rows that stages below want stored in the transaction that stores `record`.
    public func rows(for record: MessageRecord) -> [OutboxRow] {
        contributors.isEmpty ? [] : contributors.flatMap { $0.rows(for: record, context: self) }
    }

    private struct Fields: Sendable {
        let id: String
        let connection: ConnectionInfo?
        let generation: Int
        var credential: Credential?
        var principal: Principal?
        var model: String?
        var traceparent: String?
        var logger: Logger
        var rewriteKept: (@Sendable (String) -> String)?
        var notes: [String: String] = [:]
        var slots: [ObjectIdentifier: any Sendable] = [:]
        var isShadow = false
    }
}

/// Names a typed value in a ``MessageContext``.
public protocol ContextKey {
    associatedtype Value: Sendable
}

/// Who a message is from.
public struct Principal: Sendable, Hashable {
    public let user: String
    /// May see sessions that have no owner, and manage gateways.
    public let isAdministrator: Bool
    /// The groups that the user belongs to, as the auth stage says.
    public let groups: Set<String>

    public init(user: String, isAdministrator: Bool = false, groups: Set<String> = []) {
        self.user = user
        self.isAdministrator = isAdministrator
        self.groups = groups
    }

    /// Everybody, where no auth stage asks for a name. Nobody else is there to be protected from.
    public static let anonymous = Principal(user: "anonymous", isAdministrator: true)

    /// Whether a user may go by this name: ``userNameRule``.
    package static func isUserName(_ name: String) -> Bool {
        guard (1...100).contains(name.count), name != anonymous.user, !name.unicodeScalars.contains(where: isUnseen)
        else { return false }
        // A joiner has something to join, and something can be seen.
        let scalars = Array(name.unicodeScalars)
        let hasLooseJoiner = scalars.indices.contains { index in
            joiners.contains(scalars[index])
                && (index == 0 || index == scalars.count - 1 || scalars[index - 1].isASCII
                    || scalars[index + 1].isASCII)
        }
        return !hasLooseJoiner
            && scalars.contains { !$0.properties.isWhitespace && !$0.properties.isDefaultIgnorableCodePoint }
    }

    private static let joiners: [Unicode.Scalar] = ["\u{200C}", "\u{200D}"]

    /// What a name must be, to stand after what gives it.
    package static let userNameRule =
        "must be a name of 1 to 100 characters that can be seen, without controls such as for the direction of text, and not "
        + "“anonymous”."

    /// A name that holds such a scalar may look like another one, or change the text around it.
    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        // Words of some languages need the two joiners.
        case .format: !joiners.contains(scalar)
        default: scalar.properties.isDefaultIgnorableCodePoint && !joiners.contains(scalar)
        }
    }
}

/// Where a message came in.
public struct ConnectionInfo: Sendable, Hashable {
    public let id: String
    /// The peer's address without its port.
    public let remoteAddress: String

    public init(id: String, remoteAddress: String) {
        self.id = id
        self.remoteAddress = remoteAddress
    }
}

/// A secret that a browser showed. It prints as `<redacted>`.
public struct Credential: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
    public let secret: String

    public init(_ secret: String) { self.secret = secret }

    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
}

/// What a stage has kept of the words of a message on its way to the gateway: the history shows them, and so does whatever
/// shows the message before.
package enum KeptWords: ContextKey { package typealias Value = String }
