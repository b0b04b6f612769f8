import Logging
import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Synchronization
import Testing

/// A middleware made of closures.
struct ClosureMiddleware: Middleware {
    var handles = StagePaths.all
    var onInbound: @Sendable (InboundMessage, MessageContext, Next<InboundMessage>) async throws -> Void = {
        try await $2($0, $1)
    }
    var onOutbound: @Sendable (OutboundEvent, MessageContext, Next<OutboundEvent>) async throws -> Void = {
        try await $2($0, $1)
    }
    var transform: @Sendable (Run) -> ReplyTransformKind? = { _ in nil }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        try await onInbound(message, context, next)
    }

    func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
        try await onOutbound(event, context, next)
    }

    func makeReplyTransform(for run: Run) -> ReplyTransformKind? { transform(run) }
}

/// A list that several tasks write to.
final class Log<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])
    var all: [Element] { elements.withLock { $0 } }
    func append(_ element: Element) { elements.withLock { $0.append(element) } }
}

struct TestError: Error {}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func context(user: String? = nil) -> MessageContext {
    MessageContext(id: "m1", principal: user.map { Principal(user: $0) }, logger: quiet)
}

func chat(_ text: String = "hello", session: String = "agent:main:one") -> InboundMessage {
    InboundMessage(kind: .chat, gateway: "home", sessionKey: session, text: text, runID: "r1")
}

let run = Run(
    id: "r1", gateway: "home", sessionKey: "agent:main:one", agent: "main", user: "ada",
    startedAt: Timestamp(milliseconds: 0))

func event(_ kind: EventKind = .final, text: String = "answer") -> OutboundEvent {
    OutboundEvent(kind: kind, run: run, text: text, timestamp: Timestamp(milliseconds: 1))
}

func condition(_ text: String) -> Condition {
    var findings = Findings()
    let node = ConfigNode(
        position: SourcePosition(file: "c", line: 1, column: 1), content: .scalar(text, isPlain: true))
    guard let condition = Condition.read(node, findings: &findings) else {
        Issue.record("\(findings.all)")
        return .always
    }
    return condition
}

func stage(
    _ name: String, _ middleware: any Middleware, condition: Condition = .always, mode: Stage.Mode = .enforce,
    timeout: Duration? = nil, onError: FailurePolicy = .closed,
    executor: (any TaskExecutor)? = nil, hold: Hold = Hold()
) -> Stage {
    Stage(
        name: name, kind: "test", middleware: middleware, condition: condition, mode: mode, timeout: timeout,
        onError: onError, executor: executor, hold: hold)
}

/// The same numbers for the same seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
