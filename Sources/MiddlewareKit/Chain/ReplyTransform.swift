/// What a transform lets out in answer to a piece of text.
public enum TextChange: Sendable, Hashable {
    /// Text that follows what was let out so far. May be empty.
    case append(String)
    /// Everything let out so far is void; this is the whole text from here on.
    case replace(String)
}

/// Rewrites the text of one run as it streams in.
///
/// The engine calls it from one place at a time. It may keep back a tail, which it lets go of in `finish`.
/// **Law**: for every way to cut a text into pieces, feeding the pieces and finishing gives the same text.
public protocol ReplyTransform: Sendable {
    /// Takes the text that follows what was fed so far.
    mutating func feed(_ text: Substring) -> TextChange
    /// The text has ended. Called at most once, and nothing is fed after it.
    mutating func finish() -> TextChange
    /// As `finish`, for a text that broke off because the run was stopped or failed. Unless you say otherwise it is the same.
    mutating func breakOff() -> TextChange
    /// How many bytes of the text it keeps back at present, to let them out later; about so many will do. The engine bounds
    /// them by the stage's `hold`. Nil, unless you say otherwise: the engine takes what was fed since something last came out,
    /// so a transform that takes long parts of a text out for good should say.
    var keptBack: Int? { get }
}

extension ReplyTransform {
    public var keptBack: Int? { nil }
    public mutating func breakOff() -> TextChange { finish() }
}

/// A ``ReplyTransform`` that must await something for each piece, such as a moderation service.
///
/// Only chains with such a stage pay for it: the run's pieces wait, merged, while one is under way.
public protocol AsyncReplyTransform: Sendable {
    mutating func feed(_ text: Substring) async throws -> TextChange
    mutating func finish() async throws -> TextChange
    mutating func breakOff() async throws -> TextChange
    /// As in ``ReplyTransform``.
    var keptBack: Int? { get }
}

extension AsyncReplyTransform {
    public var keptBack: Int? { nil }
    public mutating func breakOff() async throws -> TextChange { try await finish() }
}

/// How a stage rewrites a run's text.
public enum ReplyTransformKind: Sendable {
    case immediate(any ReplyTransform)
    case awaiting(any AsyncReplyTransform)
}

extension String {
    /// Makes the text what a change says.
    public mutating func apply(_ change: TextChange) {
        switch change {
        case .append(let text): append(text)
        case .replace(let text): self = text
        }
    }
}
