import Analytics
import MiddlewareKit
import MiddlewareTesting
import Stages
import Synchronization
import Testing

@Suite struct AnalyticsStageTests {
    private let store = MemoryAnalytics()
    private let time = ManualTime()

    private func harness(_ options: AnalyticsOptions = AnalyticsOptions()) async throws -> (
        StageHarness, AnalyticsRecorder
    ) {
        let recorder = AnalyticsRecorder(store: store, time: time)
        try await recorder.repair(users: true)
        var context = Sample.provision(time: time)
        context[AnalyticsRecorderSlot.self] = recorder
        return (try await StageHarness(AnalyticsPlugin.self, options, in: context), recorder)
    }

    /// The figures by user, model and agent.
    private func figures(_ recorder: AnalyticsRecorder) async throws -> [AnalyticsKey: AnalyticsFigures] {
        try await recorder.flush()
        return store.figures
    }

    @Test func aTurnIsCounted() async throws {
        let (harness, recorder) = try await harness()
        let ada = Sample.context(principal: Principal(user: "ada"))
        let sent = await harness.send(Sample.chat("What is it?"), context: ada)
        var event = Sample.event(text: "It is a test.")
        event.model = "demo/small"
        event.usage = Usage(output: 5)
        event.timing = RunTiming(queued: .milliseconds(1), firstText: .milliseconds(250), whole: .seconds(2))
        let delivered = await harness.deliver(event, context: try #require(sent.context))
        #expect(delivered.message?.text == "It is a test.")

        let figures = try await figures(recorder)
        let asked = try #require(figures[AnalyticsKey(gateway: "home", agent: "main", user: "ada")])
        #expect(asked.messagesIn == 1 && asked.charactersIn == 11 && asked.messagesOut == 0)
        let answered = try #require(
            figures[AnalyticsKey(gateway: "home", agent: "main", model: "demo/small", user: "ada")])
        #expect(answered.messagesOut == 1 && answered.charactersOut == 13)
        #expect(answered.output.value == 5 && answered.estimatedOutput.value == nil)
        // The gateway did not tell: estimated from the eleven characters of the message.
        #expect(answered.input.value == nil && answered.estimatedInput.value == 3)
        #expect(answered.whole.count == 1 && answered.firstText.count == 1 && answered.queued.count == 1)
    }

    @Test func endsThatAreNoAnswersAreCountedAsWhatTheyAre() async throws {
        let (harness, recorder) = try await harness()
        _ = await harness.deliver(Sample.event(.aborted, text: "It is"))
        var failure = Sample.event(.error, text: "")
        failure.errorKind = "rate_limit"
        _ = await harness.deliver(failure)
        _ = await harness.deliver(Sample.event(.error, text: "half an answ"))
        let all = try #require(try await figures(recorder)[AnalyticsKey(gateway: "home", agent: "main", user: "ada")])
        #expect(all.aborted == 1)
        #expect(all.errors == ["rate_limit": 1, "unknown": 1])
        #expect(all.messagesOut == 2)
        #expect(all.firstText.count == 0)
    }

    @Test func rejectionsAndReconnectsAreCounted() async throws {
        let (harness, recorder) = try await harness()
        let observer = try #require(harness.middleware as? any ServerObserver)
        let ada = Sample.context(principal: Principal(user: "ada"))
        for _ in 0..<2 {
            observer.messageWasRejected(
                RejectedMessage(message: Sample.chat(), context: ada, stage: "rate-limit", code: "rate_limited"))
        }
        observer.messageWasRejected(
            RejectedMessage(message: Sample.message(.connect), context: ada, stage: "auth", code: "unauthorized"))
        observer.gatewayDidConnect("home", isAgain: false)
        observer.gatewayDidConnect("home", isAgain: true)
        let figures = try await figures(recorder)
        let rejected = try #require(figures[AnalyticsKey(gateway: "home", agent: "main", user: "ada")])
        #expect(rejected.rejections == [.init(stage: "rate-limit", code: "rate_limited"): 2])
        #expect(figures[AnalyticsKey(gateway: "home")]?.reconnects == 1)
    }

    @Test func namesOfUsersAreKeptOnlyIfWanted() async throws {
        var options = AnalyticsOptions()
        options.users = false
        let (harness, recorder) = try await harness(options)
        _ = await harness.send(Sample.chat(), context: Sample.context(principal: Principal(user: "ada")))
        _ = await harness.deliver(Sample.event())
        #expect(try await figures(recorder).keys.map(\.user) == [nil])
    }

    @Test func countsAreWrittenInTheBackgroundAndAtTheEnd() async throws {
        let (harness, _) = try await harness()
        let stage = try #require(harness.middleware as? any BackgroundStage)
        let task = Task { await stage.run() }
        await time.waitForSleepers()
        _ = await harness.send(Sample.chat())
        for _ in 0..<10 {
            time.advance(by: .seconds(1))
            await time.waitForSleepers()
        }
        #expect(store.figures.values.map(\.messagesIn) == [1])
        _ = await harness.send(Sample.chat(runID: "run-2"))
        task.cancel()
        await task.value
        await stage.cleanup()
        #expect(store.figures.values.map(\.messagesIn) == [2])
        let prune = try #require(store.prunes.first)
        #expect(prune.minutesBefore == Timestamp(milliseconds: 1_767_225_610_000 - 604_800_000))
    }

    /// The database may be busy when the server starts.
    @Test func countingGoesOnWhenTheStartCouldNotBeLookedAt() async throws {
        let recorder = AnalyticsRecorder(store: store, time: time)
        var context = Sample.provision(time: time)
        context[AnalyticsRecorderSlot.self] = recorder
        let harness = try await StageHarness(AnalyticsPlugin.self, AnalyticsOptions(), in: context)
        let stage = try #require(harness.middleware as? any BackgroundStage)
        store.failOnce()
        let task = Task { await stage.run() }
        await time.waitForSleepers()
        _ = await harness.send(Sample.chat())
        for _ in 0..<10 {
            time.advance(by: .seconds(1))
            await time.waitForSleepers()
        }
        task.cancel()
        await task.value
        #expect(store.figures.values.map(\.messagesIn) == [1])
    }

    /// It is stored once, too.
    @Test func aMessageThatIsSentAgainIsCountedOnce() async throws {
        let (harness, recorder) = try await harness()
        for _ in 0..<2 {
            _ = await harness.send(Sample.chat())
            _ = await harness.deliver(Sample.event())
        }
        // A failed run that ends well after all.
        _ = await harness.deliver(Sample.event(.error, text: "", run: Sample.run("run-2")))
        _ = await harness.deliver(Sample.event(.final, run: Sample.run("run-2")))
        let figures = try await figures(recorder).values
        #expect(figures.map(\.messagesIn).reduce(0, +) == 1)
        #expect(figures.map(\.messagesOut).reduce(0, +) == 2)
    }

    @Test func hoursAreNotKeptForAShorterTimeThanMinutes() {
        var options = AnalyticsOptions()
        options.keepMinutes = .seconds(3 * 86_400)
        options.keepHours = .seconds(2 * 86_400)
        let environment = StageEnvironment(isReachableByOthers: false)
        #expect(AnalyticsPlugin.validate(options, in: environment).map(\.key) == ["keep-hours"])
        #expect(AnalyticsPlugin.validate(AnalyticsOptions(), in: environment).isEmpty)
    }
}

/// Keeps figures in memory.
final class MemoryAnalytics: AnalyticsStore {
    private struct State {
        var figures: [AnalyticsKey: AnalyticsFigures] = [:]
        var prunes: [(minutesBefore: Timestamp, hoursBefore: Timestamp)] = []
        var mustFail = false
    }
    private let state = Mutex(State())

    var figures: [AnalyticsKey: AnalyticsFigures] { state.withLock { $0.figures } }
    var prunes: [(minutesBefore: Timestamp, hoursBefore: Timestamp)] { state.withLock { $0.prunes } }

    func add(_ batch: AnalyticsBatch) async throws {
        state.withLock { state in
            for (cell, figures) in batch.cells { state.figures[cell.key, default: AnalyticsFigures()].add(figures) }
        }
    }

    /// The next question is not answered.
    func failOnce() { state.withLock { $0.mustFail = true } }

    func newestMessages(before time: Timestamp) async throws -> [CountedMessage] {
        try state.withLock { state in
            defer { state.mustFail = false }
            if state.mustFail { throw StorageFailure(reason: .locked, description: "the database is locked") }
        }
        return []
    }

    func prune(minutesBefore: Timestamp, hoursBefore: Timestamp) async throws {
        state.withLock { $0.prunes.append((minutesBefore, hoursBefore)) }
    }
}
