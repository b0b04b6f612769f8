import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

@Suite struct PassageTraceTests {
    private func traced() -> (context: MessageContext, trace: PassageTrace) {
        var context = context(user: "ada")
        let trace = PassageTrace()
        context[PassageTraceKey.self] = trace
        return (context, trace)
    }

    /// All records of a trace that has ended.
    private func records(_ trace: PassageTrace) async -> [String] {
        var lines: [String] = []
        for await record in trace.records {
            var line = "\(record.kind) \(record.stage ?? "-") \(record.outcome)"
            if let before = record.before, let after = record.after { line += " \(before) -> \(after)" }
            lines.append(line)
        }
        return lines
    }

    @Test func aChatIsFollowedToTheEndOfItsRun() async throws {
        struct Shout: ReplyTransform {
            mutating func feed(_ text: Substring) -> TextChange { .append(text.uppercased()) }
            mutating func finish() -> TextChange { .append("") }
        }
        let adds = ClosureMiddleware(
            handles: StagePaths(inbound: [.chat]),
            onInbound: { message, context, next in
                var message = message
                message.text += "!"
                try await next(message, context)
            })
        let shouts = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .immediate(Shout()) })
        let chain = Chain(
            stages: [
                stage("adds", adds), stage("other", ClosureMiddleware(), condition: condition("user == bob")),
                stage("shadow", adds, mode: .shadow), stage("shouts", shouts),
            ], time: ManualTime())
        let (context, trace) = traced()
        _ = try await chain.send(chat("hi"), context: context) { _, _ in }
        _ = try await chain.deliver(event(text: "answer"), context: context) { _, _ in }
        #expect(
            await records(trace) == [
                "chat - entered", "chat adds passed hi -> hi!", "chat other skipped", "chat shadow shadowed",
                "chat - arrived", "final - entered", "final other skipped", "final shouts rewrote answer -> ANSWER",
                "final - arrived",
            ])
    }

    @Test func aMessageThatGoesNoFurtherEndsItsTrace() async throws {
        let rejects = ClosureMiddleware(onInbound: { _, _, _ in throw Rejection(code: "no", message: "No.") })
        let drops = ClosureMiddleware(onInbound: { _, _, _ in })
        let fails = ClosureMiddleware(onInbound: { _, _, _ in throw TestError() })
        for (middleware, outcome) in [(rejects, "rejected(code: \"no\")"), (drops, "dropped"), (fails, "failed")] {
            let chain = Chain(
                stages: [stage("outer", ClosureMiddleware()), stage("inner", middleware)], time: ManualTime())
            let (context, trace) = traced()
            _ = try? await chain.send(chat(), context: context) { _, _ in }
            #expect(await records(trace) == ["chat - entered", "chat outer passed", "chat inner \(outcome)"])
        }
    }
}
