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
            var line = "\(record.kind) \(record.stage ?? "-") \(record.isShadow ? "would have " : "")\(record.outcome)"
            if let change = record.change { line += " \(change.at): \(change.removed) -> \(change.added)" }
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
                stage("shouts", shouts),
            ], time: ManualTime())
        let (context, trace) = traced()
        _ = try await chain.send(chat("hi"), context: context) { _, _ in }
        _ = try await chain.deliver(event(text: "answer"), context: context) { _, _ in }
        #expect(
            await records(trace) == [
                "chat - entered", "chat adds passed 2:  -> !", "chat other skipped",
                "chat - arrived", "final - entered", "final other skipped", "final shouts rewrote 0: answer -> ANSWER",
                "final - arrived",
            ])
    }

    @Test func aMessageThatGoesNoFurtherEndsItsTrace() async throws {
        let rejects = ClosureMiddleware(onInbound: { _, _, _ in throw Rejection(code: "no", message: "No.") })
        let drops = ClosureMiddleware(onInbound: { _, _, _ in })
        let fails = ClosureMiddleware(onInbound: { _, _, _ in throw TestError() })
        for (middleware, outcome) in [
            (rejects, "rejected(code: \"no\", message: \"No.\")"), (drops, "dropped"), (fails, "failed"),
        ] {
            let chain = Chain(
                stages: [stage("outer", ClosureMiddleware()), stage("inner", middleware)], time: ManualTime())
            let (context, trace) = traced()
            _ = try? await chain.send(chat(), context: context) { _, _ in }
            #expect(await records(trace) == ["chat - entered", "chat outer passed", "chat inner \(outcome)"])
        }
    }

    @Test func whatReachedNobodyHasNotArrived() async throws {
        struct Breaks: AsyncReplyTransform {
            mutating func feed(_ text: Substring) async throws -> TextChange { throw TestError() }
            mutating func finish() async throws -> TextChange { .append("") }
        }
        let breaks = ClosureMiddleware(handles: StagePaths(replyText: true), transform: { _ in .awaiting(Breaks()) })
        let chain = Chain(stages: [stage("a", breaks)], time: ManualTime())
        let (context, trace) = traced()
        await #expect(throws: StageFailure.self) {
            _ = try await chain.deliver(event(text: "answer"), context: context) { _, _ in }
        }
        #expect(await records(trace) == ["final - entered", "final a failed"])
    }

    /// With `on-error: open` the message goes on, but nobody may think that the stage did its work.
    @Test func aStageThatFailsOpenIsNotedAsFailed() async throws {
        let fails = ClosureMiddleware(onInbound: { _, _, _ in throw TestError() })
        let chain = Chain(stages: [stage("a", fails, onError: .open)], time: ManualTime())
        let (context, trace) = traced()
        _ = try await chain.send(InboundMessage(kind: .history), context: context) { _, _ in }
        #expect(await records(trace) == ["history - entered", "history a failed", "history - arrived"])
    }

    @Test(arguments: [
        ("", "a", 0, "", "a"), ("ab", "", 0, "ab", ""), ("one two three", "one 2 three", 4, "two", "2"),
        ("aa", "aaa", 2, "", "a"), ("abcb", "ab", 2, "cb", ""), ("e\u{301}", "e", 1, "\u{301}", ""),
    ])
    func theDifferenceOfTwoTexts(old: String, new: String, at: Int, removed: String, added: String) throws {
        let difference = try #require(TextDifference(from: old, to: new))
        #expect(difference.at == at && difference.removed == removed && difference.added == added)
        #expect(TextDifference(from: old, to: old) == nil)
    }

    @Test func theTimeOfAStageThatStopsAMessageIsNoted() async throws {
        let time = ManualTime()
        let slow = ClosureMiddleware(onInbound: { _, _, _ in
            time.advance(by: .milliseconds(3))
            throw Rejection(code: "no", message: "No.")
        })
        let (context, trace) = traced()
        let chain = Chain(stages: [stage("slow", slow)], time: time)
        _ = try? await chain.send(chat(), context: context) { _, _ in }
        var times: [Duration?] = []
        for await record in trace.records { times.append(record.took) }
        #expect(times == [nil, .milliseconds(3)])
    }

    /// The trace waits for what shadows say, though the message does not.
    @Test func whatShadowsWouldHaveDoneIsNoted() async throws {
        let adds = ClosureMiddleware(
            handles: StagePaths(inbound: [.abort]),
            onInbound: { message, context, next in
                var message = message
                message.text += "!"
                try await next(message, context)
            })
        let rejects = ClosureMiddleware(onInbound: { _, _, _ in throw Rejection(code: "no", message: "No.") })
        let shouts = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .immediate(Capitals(words: ["a"])) })
        let fails = ClosureMiddleware(onInbound: { _, _, _ in throw TestError() })
        func lines(_ middleware: any Middleware, outbound: Bool = false) async throws -> [String] {
            let (context, trace) = traced()
            let chain = Chain(stages: [stage("s", middleware, mode: .shadow, onError: .open)], time: ManualTime())
            if outbound {
                _ = try await chain.deliver(event(text: "a b"), context: context) { _, _ in }
            } else {
                _ = try await chain.send(InboundMessage(kind: .abort), context: context) { _, _ in }
            }
            return await records(trace).filter { $0.contains("would") }
        }
        #expect(try await lines(adds) == ["abort s would have passed 0:  -> !"])
        #expect(try await lines(rejects) == ["abort s would have rejected(code: \"no\", message: \"No.\")"])
        #expect(try await lines(fails) == ["abort s would have failed"])
        #expect(try await lines(shouts, outbound: true) == ["final s would have rewrote 0: a -> A"])
    }
}
