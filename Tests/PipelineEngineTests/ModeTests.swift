import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

/// `mode`, `timeout` and `on-error` of an entry, towards the gateway, towards the browser, and while text streams in.
@Suite struct ModeTests {
    private struct Shout: ReplyTransform {
        mutating func feed(_ text: Substring) -> TextChange { .append(text.uppercased()) }
        mutating func finish() -> TextChange { .append("") }
    }

    private struct Fails: AsyncReplyTransform {
        mutating func feed(_ text: Substring) async throws -> TextChange { throw TestError() }
        mutating func finish() async throws -> TextChange { throw TestError() }
    }

    private struct Passes: ReplyTransform {
        mutating func feed(_ text: Substring) -> TextChange { .append(String(text)) }
        mutating func finish() -> TextChange { .append("") }
    }

    private struct Hangs: AsyncReplyTransform {
        mutating func feed(_ text: Substring) async throws -> TextChange {
            try await Task.sleep(for: .seconds(3600))
            return .append("")
        }
        mutating func finish() async throws -> TextChange { .append("") }
    }

    /// Changes everything that it meets.
    private static let changes = ClosureMiddleware(
        onInbound: { message, context, next in
            var message = message
            message.text += "!"
            try await next(message, context)
        },
        onOutbound: { event, context, next in
            var event = event
            event.blocks = []
            try await next(event, context)
        },
        transform: { _ in .immediate(Shout()) })

    /// What comes out of a chain: of a message, of an event, and of streamed text.
    private func outcome(_ stage: Stage) async throws -> (sent: [String], shown: [String], streamed: TextChange) {
        let chain = Chain(stages: [stage], time: ManualTime())
        let (sent, shown) = (Log<String>(), Log<String>())
        _ = try? await chain.send(chat("hi"), context: context()) { message, _ in sent.append(message.text) }
        var answer = event(text: "answer")
        answer.blocks = [.thinking("hm")]
        _ = try? await chain.deliver(answer, context: context()) { event, _ in
            shown.append("\(event.text) \(event.blocks.count)")
        }
        await chain.shadowsAtRest()
        var reply = chain.makeReplyText(for: run, context: context())
        return (sent.all, shown.all, try await reply.feedAwaiting(.append("answer")))
    }

    @Test func aStageThatEnforcesChangesWhatItMeets() async throws {
        let result = try await outcome(stage("s", Self.changes))
        #expect(result.sent == ["hi!"] && result.shown == ["ANSWER 0"] && result.streamed == .append("ANSWER"))
    }

    @Test func aShadowRunsForItsFiguresOnly() async throws {
        let shadow = stage("s", Self.changes, mode: .shadow)
        let result = try await outcome(shadow)
        #expect(result.sent == ["hi"] && result.shown == ["answer 1"] && result.streamed == .append("answer"))
        // The message, the whole reply, and the event.
        #expect(shadow.figures.current.calls == 3)
        #expect(shadow.figures.current.changes == 3)
    }

    @Test func whatAStageChangesIsCounted() async throws {
        let enforced = stage("s", Self.changes)
        _ = try await outcome(enforced)
        #expect(enforced.figures.current.calls == 3 && enforced.figures.current.changes == 3)
        let passes = stage("s", ClosureMiddleware(transform: { _ in .immediate(Passes()) }))
        _ = try await outcome(passes)
        #expect(passes.figures.current.calls == 3 && passes.figures.current.changes == 0)
    }

    /// It neither stops a message nor delays it, in any direction, by its functions or by its transform.
    @Test func aShadowThatHangsHoldsUpNothing() async throws {
        let time = ManualTime()
        let hangs = ClosureMiddleware(
            onInbound: { _, _, _ in try await Task.sleep(for: .seconds(3600)) },
            onOutbound: { _, _, _ in try await Task.sleep(for: .seconds(3600)) },
            transform: { _ in .awaiting(Hangs()) })
        let shadow = stage("s", hangs, mode: .shadow)
        let chain = Chain(stages: [shadow], time: time)
        let arrived = Log<String>()
        for _ in 0..<100 {
            _ = try await chain.send(chat(), context: context()) { message, _ in arrived.append(message.text) }
            _ = try await chain.deliver(event(), context: context()) { event, _ in arrived.append(event.text) }
        }
        #expect(arrived.all.count == 200)
        var reply = chain.makeReplyText(for: run, context: context())
        #expect(!reply.isAwaiting)
        #expect(try reply.feed(.append("a")) == .append("a"))
        // Calls are left behind after a time, and no more than some of them are ever under way.
        let ends = Log<Bool>()
        async let rest: Void = {
            await chain.shadowsAtRest()
            ends.append(true)
        }()
        while ends.all.isEmpty {
            time.advance(by: .seconds(30))
            await Task.yield()
        }
        await rest
        #expect(shadow.figures.current.timeouts + shadow.figures.current.errors == 64)
    }

    @Test func aShadowWhoseTransformFailsDoesNotEndTheRun() async throws {
        let middleware = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .awaiting(Fails()) })
        let shadow = stage("s", middleware, mode: .shadow)
        let result = try await outcome(shadow)
        #expect(result.shown == ["answer 1"] && result.streamed == .append("answer"))
        #expect(shadow.figures.current.errors == 1)
    }

    @Test func aShadowThatFailsOrRejectsHasNoEffectEither() async throws {
        let middleware = ClosureMiddleware(
            onInbound: { _, _, _ in throw Rejection(code: "no", message: "No.") },
            onOutbound: { _, _, _ in throw TestError() })
        let shadow = stage("s", middleware, mode: .shadow)
        let result = try await outcome(shadow)
        #expect(result.sent == ["hi"] && result.shown == ["answer 1"])
        #expect(shadow.figures.current.rejections == 1 && shadow.figures.current.errors == 1)
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func aStageThatFailsFollowsOnError(policy: FailurePolicy) async throws {
        let middleware = ClosureMiddleware(
            onInbound: { _, _, _ in throw TestError() }, onOutbound: { _, _, _ in throw TestError() })
        let result = try await outcome(stage("s", middleware, onError: policy))
        #expect(result.sent == (policy == .open ? ["hi"] : []))
        #expect(result.shown == (policy == .open ? ["answer 1"] : []))
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func aTransformThatFailsFollowsOnError(policy: FailurePolicy) async throws {
        let middleware = ClosureMiddleware(
            handles: StagePaths(replyText: true), transform: { _ in .awaiting(Fails()) })
        let broken = stage("s", middleware, onError: policy)
        switch policy {
        case .open:
            let result = try await outcome(broken)
            #expect(result.shown == ["answer 1"] && result.streamed == .append("answer"))
        case .closed:
            await #expect(throws: StageFailure.self) { try await outcome(broken) }
        }
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func anEventThatTakesTooLongFollowsOnError(policy: FailurePolicy) async throws {
        let time = ManualTime()
        let hangs = ClosureMiddleware(onOutbound: { _, _, _ in try await Task.sleep(for: .seconds(3600)) })
        let chain = Chain(
            stages: [stage("s", hangs, timeout: .seconds(5), onError: policy)], time: time)
        let shown = Log<String>()
        let delivery = Task {
            try await chain.deliver(event(), context: context()) { event, _ in shown.append(event.text) }
        }
        await time.waitForSleepers(1)
        time.advance(by: .seconds(5))
        switch policy {
        case .open:
            #expect(try await delivery.value == .delivered)
            #expect(shown.all == ["answer"])
        case .closed:
            await #expect(throws: StageFailure.self) { try await delivery.value }
            #expect(shown.all == [])
        }
        #expect(chain.stages[0].figures.current.timeouts == 1)
    }
}
