public import MiddlewareKit
import Synchronization

/// Checks what every middleware promises: it calls `next` at most once, with the message that it was called for, passes on what
/// it does not handle, lets through what later stages throw, ends when its task is cancelled, holds up no run for another one,
/// and keeps the law of reply texts with little of a reply held back. ``GrowthTest`` checks that it does not grow.
public enum MiddlewareCompatibility {
    /// - Parameters:
    ///   - context: One with which the middleware lets messages through, so that there is something to check.
    ///   - texts: Replies to stream; the law is checked for many ways to cut each.
    ///   - own: Replies of your own, streamed besides `texts`, alone and among other words. Name what the transform looks
    ///     for: no other text can show what it makes of that.
    ///   - patience: How long a call may take, and how long to end once its task is cancelled. Only a middleware that does not
    ///     end takes that long. One that waits on a clock in a test's hand does not end unless the test moves it meanwhile.
    /// - Returns: The promises that were broken, in words; empty when all were kept.
    public static func violations(
        of middleware: any Middleware, context: MessageContext = Sample.context(), texts: [String] = sampleTexts,
        adding own: [String] = [], patience: Duration = .seconds(5)
    ) async -> [String] {
        let texts = texts + own.flatMap { [$0, "Before \($0) and after."] }
        var violations: [String] = []
        for kind in MessageKind.allCases {
            let trial = Trial(place: "inbound \(kind)", isHandled: middleware.handles.inbound.contains(kind)) { next in
                try await middleware.inbound(Sample.message(kind), context: context) { _, _ in try await next() }
            }
            violations += await trial.violations(patience: patience)
        }
        for kind in EventKind.allCases {
            let trial = Trial(place: "outbound \(kind)", isHandled: middleware.handles.outbound.contains(kind)) {
                next in
                try await middleware.outbound(Sample.event(kind), context: context) { _, _ in try await next() }
            }
            violations += await trial.violations(patience: patience)
        }
        // One that hangs would hang here as well.
        guard violations.isEmpty else { return violations + (await replyViolations(of: middleware, texts, patience)) }
        let standstill = "a message of one run waits for one of another: it neither ended nor called next"
        let order = await Steps.watched(patience, orElse: standstill) {
            await orderViolation(of: middleware, context, $0)
        }
        if let order { violations.append(order) }
        violations += await independenceViolations(of: middleware, context, patience)
        return violations + (await replyViolations(of: middleware, texts, patience))
    }

    /// One message after the other: each call must pass on its own, or they would come out in another order.
    private static func orderViolation(
        of middleware: any Middleware, _ context: MessageContext, _ steps: Steps
    ) async -> String? {
        let harness = StageHarness(middleware)
        for number in 1...20 {
            let id = "run-\(number)"
            steps.take()
            if let sent = await harness.send(Sample.chat(runID: id), context: context).message, sent.runID != id {
                return "inbound chat: it passed on another message than it was called for"
            }
            if let event = await harness.deliver(Sample.event(run: Sample.run(id)), context: context).message,
                event.run.id != id
            {
                return "outbound final: it passed on another event than it was called for"
            }
        }
        return nil
    }

    /// While the stages below are at work on a message of one run, those of another run must come through, each as itself.
    private static func independenceViolations(
        of middleware: any Middleware, _ context: MessageContext, _ patience: Duration
    ) async -> [String] {
        let events = await Trial.isHeldUp(patience) { id, next in
            let event = Sample.event(run: Sample.run(id, session: "agent:main:\(id)"))
            try await middleware.outbound(event, context: context) { event, _ in try await next(event.run.id) }
        }
        let chats = await Trial.isHeldUp(patience) { id, next in
            let chat = Sample.chat(session: "agent:main:\(id)", runID: id)
            try await middleware.inbound(chat, context: context) { chat, _ in try await next(chat.runID ?? "") }
        }
        let words = "a run whose later stages are slow holds up, or is taken for, another run"
        return (chats ? ["inbound chat: \(words)"] : []) + (events ? ["outbound final: \(words)"] : [])
    }

    /// Texts with what usually goes wrong: tags, code, torn characters, white space at the ends.
    public static let sampleTexts = [
        "", "Hello.", "  Two words \n", "a <think>b</think> c", "`code <x>` and ```\nfence\n```", "👩‍👩‍👧 e\u{301} ü\r\nend",
        String(repeating: "word ", count: 60),
    ]

    private static func replyViolations(
        of middleware: any Middleware, _ texts: [String], _ patience: Duration
    ) async -> [String] {
        guard middleware.makeReplyTransform(for: Sample.run()) != nil else { return [] }
        guard middleware.handles.replyText else {
            return ["it makes reply transforms, and `handles.replyText` is false: they would never be asked for"]
        }
        let hangs = "a transform neither answered nor threw within \(patience.optionText)"
        var violations: [String?] = []
        for text in texts {
            let found = await TextLaw.violation(of: middleware, text: text, patience: patience)
            violations.append(found)
            // One that hangs would hang with every other text.
            if found == TextLaw.standstill(patience, text) { return violations.compactMap(\.self) }
        }
        violations.append(
            await check(patience, orElse: "\(hangs): a run waits for another one") { steps in
                for text in texts {
                    if let found = try await TextLaw.privacyViolation(of: middleware, text: text, steps) {
                        return found
                    }
                }
                return nil
            })
        violations.append(await check(patience, orElse: hangs) { try await TextLaw.lossViolation(of: middleware, $0) })
        violations.append(
            await check(patience, orElse: hangs) { try await TextLaw.allowanceViolation(of: middleware, $0) })
        return violations.compactMap(\.self)
    }

    private static func check(
        _ patience: Duration, orElse hangs: String, _ find: @escaping @Sendable (Steps) async throws -> String?
    ) async -> String? {
        await Steps.watched(patience, orElse: hangs) { steps in
            do { return try await find(steps) } catch { return "a transform threw \(error)" }
        }
    }
}
