package import MiddlewareKit

/// What the gateway says about a run, in the order of its frames. Each run ends with at most one of `final`, `aborted`
/// and `failed`; nothing comes after it.
package enum ChatEvent: Sendable, Equatable {
    /// A piece of the reply. Silent tokens and their beginnings are withheld.
    case delta(TextIncrement)
    /// The whole answer. Nil: what was streamed is the answer (there may be none, as for a silent reply).
    case final(ChatMessage?)
    /// Stopped. Nil: what was streamed is all there is.
    case aborted(ChatMessage?, stopReason: String?)
    case failed(RunFailure)
    /// Progress without text, in the gateway's word, such as `starting_model`.
    case status(phase: String)

    /// Whether the run has ended with this event.
    package var isTerminal: Bool {
        switch self {
        case .final, .aborted, .failed: true
        case .delta, .status: false
        }
    }
}

/// How the text of a reply goes on.
package enum TextIncrement: Sendable, Hashable {
    /// Follows what came before.
    case append(String)
    /// What came before is void; this is the whole text.
    case replace(String)
}

/// A message as the gateway tells it.
package struct ChatMessage: Sendable, Hashable {
    package var role: String
    /// All text blocks, joined. Thinking is never part of it.
    package var text: String
    /// The blocks that are no text.
    package var blocks: [ContentBlock]
    package var timestamp: Timestamp?
    package var usage: Usage?
    /// `provider/id`, if the gateway tells it.
    package var model: String?
    package var stopReason: String?

    package init(
        role: String,
        text: String,
        blocks: [ContentBlock] = [],
        timestamp: Timestamp? = nil,
        usage: Usage? = nil,
        model: String? = nil,
        stopReason: String? = nil
    ) {
        self.role = role
        self.text = text
        self.blocks = blocks
        self.timestamp = timestamp
        self.usage = usage
        self.model = model
        self.stopReason = stopReason
    }
}

/// Why a run ended without an answer.
package struct RunFailure: Sendable, Hashable {
    /// The gateway's own words.
    package var message: String
    /// `refusal`, `timeout`, `rate_limit`, `context_length` or another word of the gateway; `too_long`, `evicted` and
    /// `truncated` are ours.
    package var kind: String?
    /// What was said before the failure, if the gateway tells.
    package var partial: ChatMessage?

    /// The kind of a run whose whole answer is with the gateway, which tells only its beginning.
    package static let truncated = "truncated"

    package init(message: String, kind: String? = nil, partial: ChatMessage? = nil) {
        self.message = message
        self.kind = kind
        self.partial = partial
    }
}
