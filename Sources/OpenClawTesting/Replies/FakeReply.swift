/// What a fake gateway answers a chat message with.
public protocol FakeReply: Sendable {
    /// The steps of the answer, which the gateway plays one after the other. Called once for each run.
    func steps(for prompt: FakePrompt) -> [ReplyStep]
}

/// A chat message that starts a run.
public struct FakePrompt: Sendable, Hashable {
    public let runID: String
    /// Canonical.
    public let sessionKey: String
    public let agentID: String
    public let message: String
    /// How many messages the session had before this one.
    public let earlierMessages: Int

    public init(runID: String, sessionKey: String, agentID: String, message: String, earlierMessages: Int) {
        self.runID = runID
        self.sessionKey = sessionKey
        self.agentID = agentID
        self.message = message
        self.earlierMessages = earlierMessages
    }
}

/// One step of an answer. A script that ends without one of the last four steps ends with `final(nil)`.
public enum ReplyStep: Sendable, Hashable {
    /// Text that follows what was said so far.
    case delta(String)
    /// Everything said so far is void; this is the whole text from here on.
    case replace(String)
    /// Reasoning in a block of its own, beside the text.
    case thinking(String)
    /// Goes through ``FakeGateway/Options/sleep``.
    case wait(Duration)
    /// Asks for approval of this command, waits until somebody has decided, and says how. Without anybody it is denied after
    /// two minutes.
    case askApproval(command: String)
    /// The end, with this text; nil: what was streamed, trimmed.
    case final(String? = nil)
    /// The end, without a message.
    case silent
    /// The model failed. `kind` is a word such as `rate_limit`, which protocol 4 knows.
    case error(String, kind: String? = nil)
    /// Nothing more comes: the run stays open until it is aborted or ended by hand.
    case neverEnd
}

extension ReplyStep {
    /// A text as deltas of one to three words.
    ///
    /// - Parameter pause: How long to wait before each delta but the first; nil: not at all.
    public static func stream(_ text: String, pause: Duration? = nil) -> [ReplyStep] {
        var steps: [ReplyStep] = []
        for piece in pieces(of: text) {
            if let pause, !steps.isEmpty { steps.append(.wait(pause)) }
            steps.append(.delta(piece))
        }
        return steps
    }

    private static func pieces(of text: String) -> [String] {
        var pieces: [String] = []
        var piece = ""
        var words = 0
        var inSpace = false
        for character in text {
            // A word ends where the white space behind it ends.
            if inSpace, !character.isWhitespace {
                words += 1
                if words > pieces.count % 3 {
                    pieces.append(piece)
                    piece = ""
                    words = 0
                }
            }
            inSpace = character.isWhitespace
            piece.append(character)
        }
        return piece.isEmpty ? pieces : pieces + [piece]
    }
}

/// Answers `Echo: ` and the message, in deltas of a few words and without waiting.
public struct EchoReply: FakeReply {
    public init() {}

    public func steps(for prompt: FakePrompt) -> [ReplyStep] { ReplyStep.stream("Echo: " + prompt.message) }
}

/// Answers with what a closure makes of the message.
public struct ScriptedReply: FakeReply {
    private let script: @Sendable (FakePrompt) -> [ReplyStep]

    public init(_ script: @escaping @Sendable (FakePrompt) -> [ReplyStep]) { self.script = script }

    public func steps(for prompt: FakePrompt) -> [ReplyStep] { script(prompt) }
}

/// Leaves every run to the test, which drives it through ``FakeGateway/nextRun()``.
public struct ManualReply: FakeReply {
    public init() {}

    public func steps(for prompt: FakePrompt) -> [ReplyStep] { [.neverEnd] }
}
