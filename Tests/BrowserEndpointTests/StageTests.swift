import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import PipelineEngine
import Storage
import Testing

/// Stages that do not let things pass, as the browser sees them.
@Suite(.timeLimit(.minutes(1))) struct StageTests {
    private static func options(_ stage: Stage) -> Rig.Options {
        var options = Rig.Options()
        options.stages = [stage]
        return options
    }

    /// Chats against an inbound stage, and returns the error. Nothing may have been stored or forwarded.
    private func refusal(of body: @escaping ClosureStage.Inbound) async throws -> JSONValue {
        var error = JSONValue.null
        try await Rig.run(Self.options(.inbound(.chat, body))) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            error = try await browser.next(type: "error")
            #expect(try await browser.history().isEmpty)
            #expect(await !rig.gateway.requests.contains { $0.method == "chat.send" })
        }
        return error
    }

    @Test func aRejectionReachesTheBrowser() async throws {
        let error = try await refusal { _, _, _ in
            throw Rejection(code: "too_rude", message: "Say please.", retryAfterMs: 5)
        }
        #expect(error["code"] == "too_rude")
        #expect(error["message"] == "Say please.")
        #expect(error["retryAfterMs"] == 5)
        #expect(error["id"] == "c")
        #expect(error["runId"] == "r")
    }

    @Test func aRejectionWithoutWordsGetsSome() async throws {
        let error = try await refusal { _, _, _ in throw Rejection(code: "no", message: " ") }
        #expect(error["message"] == "This was refused.")
    }

    /// The gateway would refuse it with words for programs.
    @Test func aMessageOfWhichNothingIsLeftIsNotSent() async throws {
        let stage = Stage.inbound(.chat) { message, context, next in
            var message = message
            message.text = " "
            try await next(message, context)
        }
        try await Rig.run(Self.options(stage)) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let error = try await browser.next { $0["state"] == "error" }
            #expect(error["error"]?["code"] == "empty_message", "\(error)")
            #expect(await !rig.gateway.requests.contains { $0.method == "chat.send" })
        }
    }

    @Test func aStageThatThrowsIsNamed() async throws {
        let error = try await refusal { _, _, _ in throw Broken() }
        #expect(error["code"] == "stage_failed")
        #expect(error["message"]?.string?.contains("test") == true)
        #expect(error["message"]?.string?.contains("Broken") == false)
    }

    @Test func aStageThatDropsIsNamed() async throws {
        let error = try await refusal { _, _, _ in }
        #expect(error["code"] == "dropped")
        #expect(error["message"]?.string?.contains("test") == true)
    }

    /// Chats against a stage for finals, and returns what the browser got. The run must have ended once, and be stored as failed,
    /// without the answer.
    private func withheld(by body: @escaping ClosureStage.Outbound) async throws -> Turn {
        var turn = Turn()
        try await Rig.run(Self.options(.outbound(.final, body))) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("The answer")
            turn = try await browser.turn("r")
            #expect(turn.states.filter { $0 == "error" || $0 == "final" } == ["error"])
            let history = try await browser.history()
            #expect(history.map { $0["state"]?.string } == ["complete", "failed"])
            #expect(!history.contains { $0.encoded().contains("The answer") })
            #expect(try await rig.database.unfinishedRuns(since: Timestamp(milliseconds: 0)).isEmpty)
            #expect(try await browser.pending().isEmpty)
        }
        return turn
    }

    @Test func aDroppedFinalIsWithheld() async throws {
        let turn = try await withheld { _, _, _ in }
        #expect(turn.last["error"]?["code"] == "withheld")
        #expect(!turn.frames.contains { $0.encoded().contains("The answer") })
    }

    @Test func aFinalThatIsRejectedEndsWithTheRejection() async throws {
        let turn = try await withheld { _, _, _ in throw Rejection(code: "no_go", message: "Not that.") }
        #expect(turn.last["error"]?["code"] == "no_go")
        #expect(turn.last["error"]?["message"] == "Not that.")
    }

    @Test func aFinalWhoseStageThrowsEndsWithAnError() async throws {
        let turn = try await withheld { _, _, _ in throw Broken() }
        #expect(turn.last["error"]?["code"] == "stage_failed")
    }

    /// A message that has left the chain has a run, and a run ends once: what a stage throws then is too late.
    @Test func aStageThatFailsBehindNextMakesNoSecondEnd() async throws {
        let failures: [any Error & Sendable] = [Broken(), Rejection(code: "too_late", message: "Stop.")]
        for failure in failures {
            let inbound = Stage.inbound(.chat) { message, context, next in
                try await next(message, context)
                throw failure
            }
            let outbound = Stage.outbound(.final) { event, context, next in
                try await next(event, context)
                throw failure
            }
            for stage in [inbound, outbound] {
                try await Rig.run(Self.options(stage)) { rig in
                    let browser = try await rig.browser()
                    browser.chat("Hello")
                    await (try await rig.gateway.nextRun()).final("The answer")
                    let frames = try await browser.turn("r").frames + browser.pending()
                    #expect(frames.filter { ["final", "error"].contains($0["state"]?.string) }.count == 1)
                    #expect(!frames.contains { $0["type"] == "error" })
                    #expect(try await browser.history().map { $0["state"]?.string } == ["complete", "complete"])
                }
            }
        }
    }

    /// A message looks the same now and after the page was loaded again, whatever the stages made of it for the gateway.
    @Test(arguments: [true, false], [true, false])
    func aMessageIsShownAsTheHistoryHasIt(isAbovePersist: Bool, keeps: Bool) async throws {
        var options = Rig.Options()
        options.keepsMessages = keeps
        let prompt = Stage.inbound(.chat) { message, context, next in
            var message = message
            message.text = "Be kind. " + message.text
            try await next(message, context)
        }
        if isAbovePersist { options.stages = [prompt] } else { options.stagesBelow = [prompt] }
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            #expect(run.prompt.message == "Be kind. Hello")
            let shown = try await browser.next(state: "accepted")["message"]?["content"]?.text
            #expect(shown == (keeps && isAbovePersist ? "Be kind. Hello" : "Hello"))
            if keeps { #expect(try await browser.history().first?["content"]?.text == shown) }
        }
    }

    /// The text that was streamed is taken back; others who ask find the error, too.
    @Test func aFinalThatIsStoppedTakesItsTextWithIt() async throws {
        try await Rig.run(Self.options(.outbound(.final) { _, _, _ in throw Broken() })) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("The ")
            _ = try await browser.next(state: "delta")
            await run.final("The answer")
            let turn = try await browser.turn("r", after: "The ")
            #expect(turn.streamed == "" && turn.text == "")
            #expect(turn.last["error"]?["code"] == "stage_failed")
        }
    }

    /// A stage that lets nothing through at all: the browsers are told once, and the answer is not looked for after a start.
    @Test func aStageThatStopsEveryEndStillEndsTheRun() async throws {
        let broken = ClosureStage(
            handles: StagePaths(outbound: [.final, .error]), onOutbound: { _, _, _ in throw Broken() })
        try await Rig.run(Self.options(Stage(name: "test", kind: "test", middleware: broken))) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("The answer")
            let turn = try await browser.turn("r")
            #expect(turn.last["error"]?["code"] == "stage_failed")
            #expect(try await browser.pending().isEmpty)
            #expect(try await rig.database.unfinishedRuns(since: Timestamp(milliseconds: 0)).isEmpty)
        }
    }

    private struct Strict: Middleware, AsyncReplyTransform {
        struct Failure: Error {}
        let handles = StagePaths(replyText: true)

        func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .awaiting(self) }
        func feed(_ text: Substring) async throws -> TextChange {
            if text.contains("secret") { throw Failure() }
            return .append(String(text))
        }
        func finish() async throws -> TextChange { throw Failure() }
    }

    /// The run ends for everybody: the browser, the database, and the gateway, which is stopped.
    @Test func aPieceOfTextThatIsHeldBackEndsTheRun() async throws {
        try await Rig.run(Self.options(Stage(name: "test", kind: "test", middleware: Strict(), onError: .closed))) {
            rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("Fine, ")
            _ = try await browser.next(state: "delta")
            await run.delta("secret")
            let turn = try await browser.turn("r", after: "Fine, ")
            #expect(turn.last["error"]?["code"] == "stage_failed")
            #expect(turn.streamed == "" && turn.text == "")
            let history = try await browser.history()
            #expect(history.map { $0["state"]?.string } == ["complete", "failed"])
            #expect(!history.contains { $0.encoded().contains("secret") })
            #expect(try await rig.gateway.nextRequest(method: "chat.abort").parameters["runId"] == "r")
        }
    }

    /// What a stage keeps to itself is no first text.
    @Test func theTimeToTheFirstTextIsThatOfTextThatIsShown() async throws {
        let (times, continuation) = AsyncStream<Duration?>.makeStream()
        let witness = Stage.outbound(.final) { event, context, next in
            if event.run.id == "r" { continuation.yield(event.timing.firstText) }
            try await next(event, context)
        }
        try await Rig.run(Self.options(witness)) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let run = try await rig.gateway.nextRun()
            await run.delta("<think>hm")
            // What comes later over the same connection tells that this has arrived.
            browser.chat("And?", in: "other", run: "q")
            await (try await rig.gateway.nextRun()).final("So")
            _ = try await browser.turn("q")
            rig.time.advance(by: .seconds(2))
            await run.delta("</think>Hi")
            await run.final()
            _ = try await browser.turn("r")
            #expect(await times.first { _ in true } == .seconds(2))
        }
    }

    @Test func aMessageThatCannotBeStoredIsNotForwarded() async throws {
        let store = InMemoryMessageStore()
        store.fail(with: StorageFailure(reason: .full, description: "the disk is full"))
        var options = Rig.Options()
        options.messages = store
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            let error = try await browser.next { $0["type"] == "error" || $0["type"] == "chat" }
            #expect(error["code"] == "storage_failed")
            #expect(error["message"]?.string?.contains("the disk is full") == true)
            #expect(try await browser.pending().isEmpty)
            #expect(await !rig.gateway.requests.contains { $0.method == "chat.send" })
        }
    }
}
