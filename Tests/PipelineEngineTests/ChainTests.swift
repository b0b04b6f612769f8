import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Synchronization
import Testing

/// Counts those who sleep.
private final class CountingTime: TimeSource {
    let sleeps = Atomic(0)
    var uptime: Duration { .zero }
    var now: Timestamp { Timestamp(milliseconds: 0) }
    func sleep(for duration: Duration) async throws { sleeps.add(1, ordering: .relaxed) }
}

@Suite struct ChainTests {
    private func marker(_ name: String, _ log: Log<String>, handles: StagePaths = .all) -> Stage {
        stage(
            name,
            ClosureMiddleware(
                handles: handles,
                onInbound: { message, context, next in
                    log.append("in \(name)")
                    try await next(message, context)
                },
                onOutbound: { event, context, next in
                    log.append("out \(name)")
                    try await next(event, context)
                }))
    }

    @Test func messagesMeetTheStagesInListOrderInBothDirections() async throws {
        let log = Log<String>()
        let chain = Chain(stages: [marker("a", log), marker("b", log), marker("c", log)], time: ManualTime())
        let sent = try await chain.send(chat(), context: context()) { _, _ in log.append("gateway") }
        let shown = try await chain.deliver(event(), context: context()) { _, _ in log.append("browser") }
        #expect(sent == .delivered)
        #expect(shown == .delivered)
        #expect(log.all == ["in a", "in b", "in c", "gateway", "out a", "out b", "out c", "browser"])
    }

    @Test func stagesWithNothingToDoAreLeftOut() async throws {
        let log = Log<String>()
        let chatOnly = marker("chat", log, handles: StagePaths(inbound: [.chat]))
        let finalOnly = marker("final", log, handles: StagePaths(outbound: [.final]))
        let chain = Chain(stages: [chatOnly, finalOnly], time: ManualTime())
        _ = try await chain.send(chat(), context: context()) { _, _ in }
        _ = try await chain.send(InboundMessage(kind: .agents), context: context()) { _, _ in }
        _ = try await chain.deliver(event(.final), context: context()) { _, _ in }
        _ = try await chain.deliver(event(.error), context: context()) { _, _ in }
        #expect(log.all == ["in chat", "out final"])
        #expect(chatOnly.figures.current.calls == 1)
        #expect(finalOnly.figures.current.calls == 1)
    }

    @Test func changesAndContextAreHandedOn() async throws {
        struct Mark: ContextKey { typealias Value = Int }
        let first = stage(
            "first",
            ClosureMiddleware(onInbound: { message, context, next in
                var (message, context) = (message, context)
                message.text += "!"
                context[Mark.self] = 7
                context.principal = Principal(user: "ada")
                try await next(message, context)
            }))
        let chain = Chain(stages: [first], time: ManualTime())
        let seen = Log<String>()
        _ = try await chain.send(chat("hi"), context: context()) { message, context in
            seen.append("\(message.text) \(context[Mark.self] ?? 0) \(context.principal?.user ?? "-")")
        }
        #expect(seen.all == ["hi! 7 ada"])
    }

    @Test func aRejectionStopsTheMessageAndIsCountedOnceWhereItHappened() async throws {
        let log = Log<String>()
        let outer = marker("outer", log)
        let gate = stage(
            "gate", ClosureMiddleware(onInbound: { _, _, _ in throw Rejection(code: "no", message: "No.") }),
            onError: .open)
        let chain = Chain(stages: [outer, gate, marker("inner", log)], time: ManualTime())
        await #expect(throws: Rejection(code: "no", message: "No.")) {
            try await chain.send(chat(), context: context()) { _, _ in log.append("gateway") }
        }
        #expect(log.all == ["in outer"])
        #expect(gate.figures.current.rejections == 1)
        #expect(outer.figures.current.rejections == 0)
        #expect(outer.figures.current.errors == 0)
    }

    @Test func aDroppedMessageTellsTheStage() async throws {
        let sink = stage("sink", ClosureMiddleware(onInbound: { _, _, _ in }))
        let chain = Chain(stages: [sink], time: ManualTime())
        let passage = try await chain.send(chat(), context: context()) { _, _ in }
        #expect(passage == .dropped(stage: "sink"))
        #expect(sink.figures.current.drops == 1)
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func anErrorFollowsOnError(policy: FailurePolicy) async throws {
        let broken = stage("broken", ClosureMiddleware(onInbound: { _, _, _ in throw TestError() }), onError: policy)
        let chain = Chain(stages: [broken], time: ManualTime())
        let arrived = Log<String>()
        do {
            _ = try await chain.send(chat("hi"), context: context()) { message, _ in arrived.append(message.text) }
            #expect(policy == .open)
        } catch let failure as StageFailure {
            #expect(policy == .closed)
            #expect(failure.stage == "broken")
            #expect(failure.rejection.code == "stage_failed")
        }
        #expect(arrived.all == (policy == .open ? ["hi"] : []))
        #expect(broken.figures.current.errors == 1)
    }

    /// A stage that bounds itself waited for something outside for too long.
    @Test func aStageSaysThatItWaitedTooLong() async throws {
        struct Late: TimeoutIndicating {
            var isTimeout: Bool
        }
        for isTimeout in [true, false] {
            let middleware = ClosureMiddleware(onInbound: { _, _, _ in throw Late(isTimeout: isTimeout) })
            let asking = stage("asks", middleware)
            let chain = Chain(stages: [asking], time: ManualTime())
            await #expect {
                _ = try await chain.send(chat(), context: context()) { _, _ in }
            } throws: {
                ($0 as? StageFailure)?.rejection.code == (isTimeout ? "stage_timeout" : "stage_failed")
            }
            let figures = asking.figures.current
            #expect(figures.timeouts == (isTimeout ? 1 : 0) && figures.errors == (isTimeout ? 0 : 1))
        }
    }

    @Test func openDoesNotPassAMessageOnTwice() async throws {
        let late = stage(
            "late",
            ClosureMiddleware(onInbound: { message, context, next in
                try await next(message, context)
                throw TestError()
            }),
            onError: .open)
        let chain = Chain(stages: [late], time: ManualTime())
        let arrived = Log<String>()
        await #expect(throws: StageFailure.self) {
            try await chain.send(chat(), context: context()) { message, _ in arrived.append(message.text) }
        }
        #expect(arrived.all.count == 1)
    }

    @Test func nextWorksOnce() async throws {
        let eager = stage(
            "eager",
            ClosureMiddleware(onInbound: { message, context, next in
                try await next(message, context)
                try? await next(message, context)
            }))
        let chain = Chain(stages: [eager], time: ManualTime())
        let arrived = Log<String>()
        _ = try await chain.send(chat(), context: context()) { message, _ in arrived.append(message.text) }
        #expect(arrived.all.count == 1)
    }

    @Test(arguments: [FailurePolicy.open, .closed])
    func aStageThatHangsIsLeftBehind(policy: FailurePolicy) async throws {
        let time = ManualTime()
        let release = AsyncStream<Void>.makeStream()
        let lateNext = AsyncStream<Bool>.makeStream()
        let hanging = stage(
            "hanging",
            ClosureMiddleware(onInbound: { message, context, next in
                // Ignores cancellation, as a stage may.
                await Task { for await _ in release.stream { break } }.value
                do {
                    try await next(message, context)
                    lateNext.continuation.yield(true)
                } catch {
                    lateNext.continuation.yield(false)
                }
            }),
            timeout: .seconds(5), onError: policy)
        let chain = Chain(stages: [hanging], time: time)
        let arrived = Log<String>()
        let sending = Task {
            try await chain.send(chat("hi"), context: context()) { message, _ in arrived.append(message.text) }
        }
        await time.waitForSleepers()
        time.advance(by: .seconds(5))
        let result = await sending.result
        switch policy {
        case .open: #expect(try result.get() == .delivered)
        case .closed: #expect(throws: StageFailure.self) { try result.get() }
        }
        #expect(hanging.figures.current.timeouts == 1)
        release.continuation.yield()
        var outcomes = lateNext.stream.makeAsyncIterator()
        #expect(await outcomes.next() == false)
        #expect(arrived.all == (policy == .open ? ["hi"] : []))
    }

    @Test func theClockStandsStillWhileTheStagesBelowAreAtWork() async throws {
        let time = ManualTime()
        let release = AsyncStream<Void>.makeStream()
        let quick = stage("quick", ClosureMiddleware(), timeout: .seconds(1))
        let chain = Chain(stages: [quick], time: time)
        let reached = AsyncStream<Void>.makeStream()
        let sending = Task {
            try await chain.send(chat(), context: context()) { _, _ in
                reached.continuation.yield()
                for await _ in release.stream { break }
            }
        }
        var arrivals = reached.stream.makeAsyncIterator()
        _ = await arrivals.next()
        time.advance(by: .seconds(60))
        release.continuation.yield()
        #expect(try await sending.value == .delivered)
        #expect(quick.figures.current.timeouts == 0)
    }

    /// A stage with a limit that waits for nothing is not watched: it costs no task and no hop.
    @Test func noAlarmIsSetForAStageThatDoesNotWait() async throws {
        let time = CountingTime()
        let chain = Chain(stages: [stage("quick", ClosureMiddleware(), timeout: .seconds(1))], time: time)
        for _ in 0..<10 { _ = try await chain.send(chat(), context: context()) { _, _ in } }
        #expect(time.sleeps.load(ordering: .relaxed) == 0)
    }

    /// One alarm watches over all calls with the same limit; each of them is still left behind at its own time.
    @Test func callsThatWaitShareAnAlarm() async throws {
        let time = ManualTime()
        let hangs = stage(
            "hangs",
            ClosureMiddleware(onInbound: { _, _, _ in try await Task.sleep(for: .seconds(3600)) }), timeout: .seconds(5)
        )
        let chain = Chain(stages: [hangs], time: time)
        let ends = AsyncStream<Int>.makeStream()
        @Sendable func send(_ number: Int) async {
            _ = try? await chain.send(chat(), context: context()) { _, _ in }
            ends.continuation.yield(number)
        }
        async let first: Void = send(1)
        await time.waitForSleeper(of: .seconds(5))
        time.advance(by: .seconds(2))
        async let second: Void = send(2)
        var order = ends.stream.makeAsyncIterator()
        await time.waitForSleeper(of: .seconds(3))
        time.advance(by: .seconds(3))
        #expect(await order.next() == 1)
        _ = await first
        // The second call may have begun after the clock was moved.
        while hangs.figures.current.timeouts < 2 {
            time.advance(by: .seconds(1))
            await Task.yield()
        }
        #expect(await order.next() == 2)
        _ = await second
    }

    @Test func aShadowHasNoEffect() async throws {
        let shadow = stage(
            "shadow", ClosureMiddleware(onInbound: { _, _, _ in throw Rejection(code: "no", message: "No.") }),
            mode: .shadow)
        let chain = Chain(stages: [shadow], time: ManualTime())
        let passage = try await chain.send(chat(), context: context()) { _, _ in }
        #expect(passage == .delivered)
        await chain.shadowsAtRest()
        #expect(shadow.figures.current.rejections == 1)
    }

    @Test func conditionsDecideMessageByMessage() async throws {
        let log = Log<String>()
        let onlyAda = Stage(
            name: "ada", kind: "test",
            middleware: ClosureMiddleware(onInbound: { message, context, next in
                log.append(context.principal?.user ?? "-")
                try await next(message, context)
            }),
            condition: condition("user == ada"))
        let chain = Chain(stages: [onlyAda], time: ManualTime())
        _ = try await chain.send(chat(), context: context(user: "ada")) { _, _ in }
        _ = try await chain.send(chat(), context: context(user: "bob")) { _, _ in }
        _ = try await chain.send(chat(), context: context()) { _, _ in }
        #expect(log.all == ["ada"])
    }

    @Test func stagesBelowContributeRows() async throws {
        struct Contributor: Middleware, RowContributor {
            func rows(for record: MessageRecord, context: MessageContext) -> [OutboxRow] {
                [OutboxRow(stage: "hook", topic: "message", payload: record.text)]
            }
        }
        let rows = Log<Int>()
        let persist = ClosureMiddleware(onInbound: { message, context, next in
            let record = MessageRecord(
                gateway: "home", sessionKey: "k", owner: nil, role: .user, runID: "r", text: message.text,
                timestamp: Timestamp(milliseconds: 0))
            rows.append(context.rows(for: record).count)
            try await next(message, context)
        })
        let above = Chain(stages: [stage("persist", persist), stage("hook", Contributor())], time: ManualTime())
        _ = try await above.send(chat(), context: context()) { _, _ in }
        let below = Chain(stages: [stage("hook", Contributor()), stage("persist", persist)], time: ManualTime())
        _ = try await below.send(chat(), context: context()) { _, _ in }
        #expect(rows.all == [1, 0])
    }
}
