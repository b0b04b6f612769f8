public import MiddlewareKit
import Synchronization

/// Checks what every middleware promises.
public enum MiddlewareCompatibility {
    /// - Parameter texts: Replies to stream; the law is checked for many ways to cut each.
    /// - Returns: The promises that were broken, in words; empty when all were kept.
    public static func violations(
        of middleware: any Middleware, context: MessageContext = Sample.context(), texts: [String] = sampleTexts
    ) async -> [String] {
        var violations: [String] = []
        for kind in MessageKind.allCases {
            let message = InboundMessage(
                kind: kind, gateway: "home", sessionKey: "agent:main:one", text: kind == .chat ? "Hello" : "",
                runID: "run-1")
            let calls = Counter()
            let passes: Void? = try? await middleware.inbound(message, context: context) { _, _ in calls.increase() }
            if calls.count > 1 { violations.append("inbound \(kind): next was called \(calls.count) times") }
            if passes != nil, calls.count == 0, !middleware.handles.inbound.contains(kind) {
                violations.append("inbound \(kind): a kind that is not handled was not passed on")
            }
            violations += await errors(from: "inbound \(kind)") { error in
                try await middleware.inbound(message, context: context) { _, _ in throw error }
            }
        }
        for kind in EventKind.allCases {
            let calls = Counter()
            let event = Sample.event(kind)
            try? await middleware.outbound(event, context: context) { _, _ in calls.increase() }
            if calls.count > 1 { violations.append("outbound \(kind): next was called \(calls.count) times") }
        }
        for text in texts { violations += await lawViolations(of: middleware, text) }
        return violations
    }

    /// Texts with what usually goes wrong: tags, code, torn characters, white space at the ends.
    public static let sampleTexts = [
        "", "Hello.", "  Two words \n", "a <think>b</think> c", "`code <x>` and ```\nfence\n```", "👩‍👩‍👧 e\u{301} ü\r\nend",
        String(repeating: "word ", count: 60),
    ]

    private static func lawViolations(of middleware: any Middleware, _ text: String) async -> [String] {
        let harness = StageHarness(middleware)
        guard let whole = try? await harness.stream([text]) else { return ["a transform threw for the whole text"] }
        for pieces in DeltaSplitter.splits(of: text) {
            let joined = try? await harness.stream(pieces)
            if joined.map({ Array($0.utf8) }) != Array(whole.utf8) {
                return ["the text law: \(pieces) gives \(joined ?? "an error"), the whole gives \(whole)"]
            }
        }
        return []
    }

    /// What a later stage throws must come out again.
    private static func errors(
        from place: String, _ call: (any Error) async throws -> Void
    ) async -> [String] {
        do {
            try await call(LaterStageError())
            return []
        } catch is LaterStageError {
            return []
        } catch is Rejection {
            return []
        } catch {
            return ["\(place): an error of a later stage came out as \(error)"]
        }
    }

    private struct LaterStageError: Error {}

    private final class Counter: Sendable {
        private let value = Atomic(0)
        var count: Int { value.load(ordering: .relaxed) }
        func increase() { value.add(1, ordering: .relaxed) }
    }
}
