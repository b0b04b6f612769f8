import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import Storage
import Synchronization
import Testing
import Webhooks

@Suite struct DeliveryWorkerTests {
    @Test func deliversASignedEvent() async throws {
        let rig = try WorkerRig()
        try await rig.running([try WorkerRig.endpoint { $0.headers = ["X-Key": Secret("k")] }]) { _ in
            try await rig.store("run-1", text: "Hello")
            try await rig.wait(for: .delivered, count: 1)
        }
        let call = try #require(rig.http.calls.first)
        #expect(call.method == "POST")
        #expect(call.url.revealed == "https://one.test/hook")
        #expect(call[header: "Content-Type"] == "application/json")
        #expect(call[header: "X-Key"] == "k")
        let event = try #require(call.json.object)
        #expect(event["type"]?.string == "message.final")
        #expect(event["id"]?.string == call[header: "webhook-id"])
        #expect(event["data"]?.object?["message"]?.object?["text"]?.string == "Hello")
        #expect(call[header: "webhook-timestamp"] == "1767225600")
        #expect(call[header: "webhook-signature"]?.hasPrefix("v1,") == true)
    }

    @Test func triesAgainWithTheSameIDAndGivesUpAtLast() async throws {
        let rig = try WorkerRig(ScriptedHTTPCaller { _, _ in HTTPAnswer(status: 500, body: Array("broken".utf8)) })
        try await rig.store("run-1")
        try await rig.running([try WorkerRig.endpoint()]) { _ in
            try await rig.waitForAttempts(1)
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(5))
            try await rig.waitForAttempts(2)
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(300))
            try await rig.wait(for: .dead, count: 1)
        }
        #expect(Set(rig.http.calls.map { $0[header: "webhook-id"] }).count == 1)
        #expect(rig.http.calls.count == 3)
        let (delivery, _, attempts) = try #require(try await rig.database.delivery(id: 1))
        #expect(delivery.status == 500)
        #expect(delivery.error == "the endpoint answered HTTP 500")
        #expect(attempts.map(\.answer) == ["broken", "broken", "broken"])
        #expect(try await rig.database.deliveryCounts(stage: WorkerRig.stage).map(\.dead) == [1])
    }

    @Test func eventsOfASessionGoOneAfterTheOther() async throws {
        // The first one of session one fails once; the other session and the other endpoint do not wait for it.
        let rig = try WorkerRig(
            ScriptedHTTPCaller { call, number in HTTPAnswer(status: call.run == "a" && number < 4 ? 500 : 200) })
        try await rig.store("a", session: "agent:main:one")
        try await rig.store("b", session: "agent:main:one")
        try await rig.store("c", session: "agent:main:two")
        try await rig.running([try WorkerRig.endpoint()]) { _ in
            try await rig.waitForAttempts(1, of: 1)
            try await rig.wait(for: .delivered, count: 1)
            await rig.time.waitForSleepers()
            #expect(rig.http.calls.compactMap(\.run).sorted() == ["a", "c"])
            rig.time.advance(by: .seconds(5))
            try await rig.waitForAttempts(2, of: 1)
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(300))
            // The third attempt is number 3: it fails for good, and the next one goes.
            try await rig.wait(for: .delivered, count: 2)
        }
        #expect(rig.http.calls.compactMap(\.run).last == "b")
    }

    /// The database is not asked in between: the clock stands still.
    @Test func whatIsNextInASessionGoesAtOnce() async throws {
        let rig = try WorkerRig()
        let runs = ["a", "b", "c", "d"]
        for run in runs { try await rig.store(run) }
        let pace = Duration.milliseconds(100)
        try await rig.running([try WorkerRig.endpoint()], pace: pace) { _ in
            await rig.waitForCalls(runs.count)
            #expect(rig.http.calls.compactMap(\.run) == runs)
            // What came of the last ones is written down with what else there is then.
            await rig.time.waitForSleeper(of: pace)
            rig.time.advance(by: pace)
            try await rig.wait(for: .delivered, count: runs.count)
        }
    }

    @Test func withoutOrderingNothingWaits() async throws {
        let rig = try WorkerRig(ScriptedHTTPCaller { call, _ in HTTPAnswer(status: call.run == "a" ? 500 : 200) })
        try await rig.store("a")
        try await rig.store("b")
        try await rig.running([try WorkerRig.endpoint { $0.ordering = .none }]) { _ in
            try await rig.wait(for: .delivered, count: 1)
            #expect(rig.http.calls.compactMap(\.run).sorted() == ["a", "b"])
        }
    }

    @Test func anEndpointThatHangsHoldsUpNoOther() async throws {
        let rig = try WorkerRig(
            ScriptedHTTPCaller { call, _ in
                if call.url.host == "slow.test" { try await Task.sleep(for: .seconds(3600)) }
                return HTTPAnswer(status: 200)
            })
        for index in 0..<10 { try await rig.store("run-\(index)") }
        try await rig.running([try WorkerRig.endpoint("slow"), try WorkerRig.endpoint("quick")]) { _ in
            try await rig.wait(for: .delivered, count: 10, endpoint: "quick")
        }
        #expect(rig.http.calls.count { $0.url.host == "slow.test" } == 1)
    }

    @Test func callsUnderWayAreBounded() async throws {
        let running = Mutex((now: 0, most: 0))
        let rig = try WorkerRig(
            ScriptedHTTPCaller { _, _ in
                running.withLock { count in
                    count.now += 1
                    count.most = max(count.most, count.now)
                }
                for _ in 0..<50 { await Task.yield() }
                running.withLock { $0.now -= 1 }
                return HTTPAnswer(status: 200)
            })
        for index in 0..<40 { try await rig.store("run-\(index)", session: "agent:main:\(index)") }
        try await rig.running([try WorkerRig.endpoint { $0.concurrency = 3 }]) { _ in
            try await rig.wait(for: .delivered, count: 40)
        }
        #expect(running.withLock { $0.most } <= 3)
    }

    @Test func manyWaitingDeliveriesGoOut() async throws {
        let rig = try WorkerRig()
        let row = OutboxRow(
            stage: WorkerRig.stage, topic: "message.final",
            payload: WebhookEvent(.messageFinal, timestamp: rig.time.now, data: ["gateway": "home", "session": "s"])
                .payload)
        try await rig.database.store(Array(repeating: row, count: 10_000))
        try await rig.running([try WorkerRig.endpoint { ($0.ordering, $0.concurrency) = (.none, 64) }]) { _ in
            try await rig.wait(for: .delivered, count: 10_000)
        }
        #expect(rig.http.calls.count == 10_000)
    }

    @Test func goneEndpointIsLeftAlone() async throws {
        let rig = try WorkerRig(ScriptedHTTPCaller(status: 410))
        try await rig.store("a")
        try await rig.store("b")
        try await rig.running([try WorkerRig.endpoint()]) { worker in
            try await rig.wait(for: .dead, count: 2)
            try await rig.store("c")
            while try await !rig.database.unplannedEvents(stage: WorkerRig.stage, limit: 1).isEmpty {
                await Task.yield()
            }
            #expect(worker.directory.entries.map(\.isGone) == [true])
        }
        #expect(rig.http.calls.count == 1)
        #expect(try await rig.database.deliveries(DeliveryFilter()).count == 2)
        // After a restart too; another address is another endpoint.
        try await rig.store("d")
        try await rig.running([try WorkerRig.endpoint { $0.url = try? HTTPAddress("https://new.test/") }]) { _ in
            await rig.waitForCalls(2)
        }
        #expect(rig.http.calls.last?.run == "d")
    }

    /// Its address was changed while a call was under way to the old one.
    @Test func whatTheOldAddressSaysIsNotHeldAgainstTheNewOne() async throws {
        let (answers, answer) = AsyncStream<Int>.makeStream()
        let rig = try WorkerRig(
            ScriptedHTTPCaller { call, _ in
                guard call.url.host == "old.test" else { return HTTPAnswer(status: 200) }
                return HTTPAnswer(status: await answers.first { _ in true } ?? 500)
            })
        func settings(_ host: String) -> String { #"{"url": "https://\#(host)/", "events": ["message.final"]}"# }
        _ = try await rig.database.addEndpoint(
            stage: WorkerRig.stage, name: "one", settings: settings("old.test"), now: rig.time.now)
        try await rig.running([]) { worker in
            while worker.directory.entries.isEmpty { await Task.yield() }
            try await rig.store("a")
            await rig.waitForCalls(1)
            _ = try await rig.database.changeEndpoint(
                stage: WorkerRig.stage, name: "one", settings: settings("new.test"), now: rig.time.now)
            while worker.directory.entries.first?.endpoint.url.host != "new.test" { await Task.yield() }
            answer.yield(410)
            try await rig.waitForAttempts(1)
            #expect(worker.directory.entries.map(\.isGone) == [false])
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(5))
            try await rig.wait(for: .delivered, count: 1)
            #expect(try await rig.database.goneEndpoints(stage: WorkerRig.stage).isEmpty)
        }
        #expect(rig.http.calls.map(\.url.host) == ["old.test", "new.test"])
    }

    /// The other calls of the batch must not count as under way for ever.
    @Test func whatCannotBeWrittenDownOfAGoneEndpointHoldsUpNoOther() async throws {
        let rig = try WorkerRig(
            ScriptedHTTPCaller { call, _ in HTTPAnswer(status: call.url.host == "gone.test" ? 410 : 500) })
        try await rig.database.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON webhook_gone BEGIN SELECT RAISE(FAIL, 'no'); END")
        try await rig.store("a")
        try await rig.running([try WorkerRig.endpoint("gone"), try WorkerRig.endpoint("other")]) { worker in
            await rig.waitForCalls(2)
            // The second call to the other one is not begun before the first one is forgotten.
            while rig.http.calls.count(where: { $0.url.host == "other.test" }) < 2 {
                rig.time.advance(by: .seconds(1))
                await Task.yield()
            }
            try await rig.database.execute("DROP TRIGGER refuse")
            while try await rig.database.goneEndpoints(stage: WorkerRig.stage).isEmpty {
                rig.time.advance(by: .seconds(1))
                await Task.yield()
            }
            // The directory is brought up to date a moment after the database.
            while worker.directory.entries.first(where: { $0.endpoint.name == "gone" })?.isGone != true {
                await Task.yield()
            }
        }
        #expect(rig.http.calls.count { $0.url.host == "gone.test" } == 1)
    }

    /// One whose first attempt is followed by a second one after a minute.
    private static func worker(_ rig: WorkerRig, _ clock: JumpingTime) throws -> DeliveryWorker {
        let settings = DeliverySettings(
            schedule: RetrySchedule(waits: [.zero, .seconds(60)], jitter: 0), rules: AddressRules(), content: .text,
            storedContent: .text, keepDelivered: .seconds(86_400), keepDead: .seconds(86_400), pace: .zero)
        return DeliveryWorker(
            stage: WorkerRig.stage, configured: [try WorkerRig.endpoint()], added: [], settings: settings,
            services: DeliveryServices(store: rig.database, http: rig.http, time: clock), logger: Sample.logger)
    }

    /// Half an hour of waiting must not be over because the clock was set.
    @Test func aClockThatJumpsAheadBringsNothingForward() async throws {
        let rig = try WorkerRig(ScriptedHTTPCaller { _, number in HTTPAnswer(status: number == 0 ? 500 : 200) })
        let clock = JumpingTime(rig.time)
        let worker = try Self.worker(rig, clock)
        try await rig.store("a")
        let task = Task { await worker.run() }
        try await rig.waitForAttempts(1)
        clock.jump(by: .seconds(36_000))
        for second in 0..<61 {
            await rig.time.waitForSleepers()
            if second < 55 { #expect(rig.http.calls.count == 1) }
            rig.time.advance(by: .seconds(1))
        }
        try await rig.wait(for: .delivered, count: 1)
        await rig.stop(task)
    }

    @Test func deadOnesCanBeDeliveredAgainInOrder() async throws {
        let isUp = Atomic(false)
        let rig = try WorkerRig(
            ScriptedHTTPCaller { _, _ in HTTPAnswer(status: isUp.load(ordering: .relaxed) ? 200 : 410) })
        for run in ["a", "b", "c"] { try await rig.store(run) }
        try await rig.running([try WorkerRig.endpoint()]) { _ in
            try await rig.wait(for: .dead, count: 3)
            isUp.store(true, ordering: .relaxed)
            try await rig.database.enableEndpoint(stage: WorkerRig.stage, name: "one", now: rig.time.now)
            let count = try await rig.database.replayDead(
                since: Timestamp(milliseconds: 0), stage: WorkerRig.stage, endpoint: "one", now: rig.time.now)
            #expect(count == 3)
            try await rig.wait(for: .delivered, count: 3)
            #expect(rig.http.calls.dropFirst().compactMap(\.run) == ["a", "b", "c"])
            #expect(try await rig.database.replay(id: 2, now: rig.time.now))
            await rig.waitForCalls(5)
        }
        #expect(rig.http.calls.last?.run == "b")
        #expect(try await rig.database.replay(id: 99, now: rig.time.now) == false)
    }

    @Test func circuitOpensAndCloses() async throws {
        let isUp = Atomic(false)
        let rig = try WorkerRig(
            ScriptedHTTPCaller { _, _ in HTTPAnswer(status: isUp.load(ordering: .relaxed) ? 200 : 503) })
        for index in 0..<20 { try await rig.store("run-\(index)", session: "agent:main:\(index)") }
        try await rig.running([try WorkerRig.endpoint { $0.concurrency = 1 }]) { worker in
            while worker.directory.entries.first?.isPaused != true { await Task.yield() }
            #expect(rig.http.calls.count == 5)
            isUp.store(true, ordering: .relaxed)
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(30))
            try await rig.wait(for: .delivered, count: 20)
            while worker.directory.entries.first?.isPaused != false { await Task.yield() }
        }
    }

    /// Somebody has mended it, and does not want to wait for the end of the pause.
    @Test func enablingClosesTheCircuit() async throws {
        let isUp = Atomic(false)
        let rig = try WorkerRig(
            ScriptedHTTPCaller { _, _ in HTTPAnswer(status: isUp.load(ordering: .relaxed) ? 200 : 503) })
        for index in 0..<20 { try await rig.store("run-\(index)", session: "agent:main:\(index)") }
        try await rig.running([try WorkerRig.endpoint { $0.concurrency = 1 }]) { worker in
            while worker.directory.entries.first?.isPaused != true { await Task.yield() }
            try await rig.waitForAttempts(1, of: 5)
            let seemsPaused = {
                try await #require(worker.directory.entries.first).seemsPaused(stage: WorkerRig.stage, in: rig.database)
            }
            #expect(try await seemsPaused())
            isUp.store(true, ordering: .relaxed)
            // No time passes: what was not tried yet goes out, and what failed is tried again.
            try await rig.database.enableEndpoint(stage: WorkerRig.stage, name: "one", now: rig.time.now)
            #expect(try await !seemsPaused())
            try await rig.wait(for: .delivered, count: 20)
            while worker.directory.entries.first?.isPaused != false { await Task.yield() }
            #expect(rig.http.calls.count == 25)
        }
    }

    /// Three ways to say that it was mended; the next try would be due after five minutes.
    @Test(arguments: ["enable", "change", "replay", "replace"])
    func whatWasMendedIsTriedAtOnce(by way: String) async throws {
        let rig = try WorkerRig(ScriptedHTTPCaller { _, number in HTTPAnswer(status: number < 2 ? 500 : 200) })
        let settings = #"{"url": "https://one.test/", "events": ["message.final"]}"#
        _ = try await rig.database.addEndpoint(
            stage: WorkerRig.stage, name: "one", settings: settings, now: rig.time.now)
        try await rig.store("a")
        try await rig.running([], endsAtOnce: true) { _ in
            try await rig.waitForAttempts(1)
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(5))
            try await rig.waitForAttempts(2)
            switch way {
            case "enable":
                try await rig.database.enableEndpoint(stage: WorkerRig.stage, name: "one", now: rig.time.now)
            case "change":
                _ = try await rig.database.changeEndpoint(
                    stage: WorkerRig.stage, name: "one", settings: settings, now: rig.time.now)
            case "replay": #expect(try await rig.database.replay(id: 1, now: rig.time.now))
            default: return
            }
            try await rig.wait(for: .delivered, count: 1)
        }
        if way == "replace" {
            let waiting = try await rig.database.deliveries(DeliveryFilter()).first
            #expect(try #require(waiting).dueAt > rig.time.now)
            let successor = rig.worker([])
            await successor.hasten()
            let task = Task { await successor.run() }
            try await rig.wait(for: .delivered, count: 1)
            await rig.stop(task)
        }
        #expect(rig.http.calls.count == 3)
    }

    @Test func goesOnAfterACrash() async throws {
        // A worker that is killed while a call is under way has written nothing down about it.
        let rig = try WorkerRig(
            ScriptedHTTPCaller { _, number in
                if number == 0 { try await Task.sleep(for: .seconds(3600)) }
                return HTTPAnswer(status: 200)
            })
        try await rig.store("a")
        try await rig.store("b")
        let worker = rig.worker([try WorkerRig.endpoint()])
        let first = Task { await worker.run() }
        await rig.waitForCalls(1)
        // Out of patience: as good as killed.
        await rig.stop(first)
        try await rig.running([try WorkerRig.endpoint()]) { _ in try await rig.wait(for: .delivered, count: 2) }
        #expect(rig.http.calls.compactMap(\.run) == ["a", "a", "b"])
        #expect(rig.http.calls[0][header: "webhook-id"] == rig.http.calls[1][header: "webhook-id"])
    }

    @Test func addedEndpointsAreServedAtOnce() async throws {
        let rig = try WorkerRig()
        try await rig.running([]) { worker in
            let settings = #"{"url": "https://added.test/x", "events": ["message.final"]}"#
            #expect(
                try await rig.database.addEndpoint(
                    stage: WorkerRig.stage, name: "added", settings: settings, now: rig.time.now))
            while worker.directory.entries.isEmpty { await Task.yield() }
            #expect(worker.directory.wants(.messageFinal))
            try await rig.store("a")
            try await rig.wait(for: .delivered, count: 1, endpoint: "added")
            #expect(
                try await rig.database.removeEndpoint(stage: WorkerRig.stage, name: "added", now: rig.time.now))
            while !worker.directory.entries.isEmpty { await Task.yield() }
        }
    }

    /// Also what was read ahead, of its own lane and of others.
    @Test(arguments: [EndpointOptions.Ordering.session, .none])
    func anEndpointThatIsReplacedGetsNothingOfTheEarlierOne(ordering: EndpointOptions.Ordering) async throws {
        let mayAnswer = Atomic(false)
        let rig = try WorkerRig(
            ScriptedHTTPCaller { call, _ in
                while call.url.host == "old.test", !mayAnswer.load(ordering: .acquiring) { await Task.yield() }
                return HTTPAnswer(status: 200)
            })
        func add(_ host: String) async throws {
            let settings = """
                {"url": "https://\(host)/", "events": ["message.final"], "concurrency": 1, "ordering": "\(ordering)"}
                """
            #expect(
                try await rig.database.addEndpoint(
                    stage: WorkerRig.stage, name: "one", settings: settings, now: rig.time.now))
        }
        try await add("old.test")
        for run in ["a", "b", "c"] { try await rig.store(run) }
        try await rig.running([]) { worker in
            await rig.waitForCalls(1)
            rig.time.advance(by: .milliseconds(5))
            _ = try await rig.database.removeEndpoint(stage: WorkerRig.stage, name: "one", now: rig.time.now)
            try await add("new.test")
            while worker.directory.entries.first?.endpoint.url.host != "new.test" { await Task.yield() }
            mayAnswer.store(true, ordering: .releasing)
            try await rig.store("d")
            try await rig.wait(for: .delivered, count: 1)
        }
        #expect(rig.http.calls.filter { $0.url.host == "new.test" }.map(\.run) == ["d"])
    }

    @Test func whenAndEventsChoose() async throws {
        let rig = try WorkerRig()
        let endpoints = [
            try WorkerRig.endpoint("users") { options in
                options.when = EndpointCondition()
                options.when?.user = PatternList(["a*"])
            },
            try WorkerRig.endpoint("agents") { options in
                options.when = EndpointCondition()
                options.when?.agent = PatternList(["other"])
            },
            try WorkerRig.endpoint("errors") { $0.events = [.messageError] },
            try WorkerRig.endpoint("off") { $0.enabled = false },
        ]
        try await rig.store("a")
        try await rig.running(endpoints) { _ in try await rig.wait(for: .delivered, count: 1) }
        #expect(rig.http.calls.map(\.url.host) == ["users.test"])
        #expect(try await rig.database.deliveries(DeliveryFilter()).count == 1)
    }

    @Test func aClockThatIsSetDoesNotDelay() async throws {
        let rig = try WorkerRig(ScriptedHTTPCaller { _, number in HTTPAnswer(status: number == 0 ? 500 : 200) })
        let clock = JumpingTime(rig.time)
        let worker = try Self.worker(rig, clock)
        try await rig.store("a")
        let task = Task { await worker.run() }
        try await rig.waitForAttempts(1)
        // Ten hours back: by the wall clock the second attempt is ten hours and a minute away.
        clock.jump(by: .seconds(-36_000))
        for _ in 0..<61 {
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(1))
        }
        try await rig.wait(for: .delivered, count: 1)
        await rig.stop(task)
    }

    /// When a chain takes the place of another, their workers must not be at work together.
    @Test func aSuccessorWaitsForTheEnd() async throws {
        let rig = try WorkerRig()
        let registry = WebhookRegistry()
        let (old, new) = (rig.worker([try WorkerRig.endpoint()]), rig.worker([try WorkerRig.endpoint()]))
        #expect(registry.add(old) == nil)
        let task = Task { await old.run() }
        let predecessor = try #require(registry.add(new))
        #expect(predecessor === old)
        await rig.stop(task)
        await predecessor.waitUntilEnded()
        registry.remove(old)
        #expect(registry.all.map { $0 === new } == [true])
    }

    @Test func oldOnesAreForgotten() async throws {
        let rig = try WorkerRig()
        try await rig.store("a")
        try await rig.running([try WorkerRig.endpoint()]) { _ in
            try await rig.wait(for: .delivered, count: 1)
            await rig.time.waitForSleepers()
            rig.time.advance(by: .seconds(2 * 86_400))
            while try await !rig.database.deliveries(DeliveryFilter()).isEmpty { await Task.yield() }
        }
        #expect(try await rig.database.outboxCount() == 0)
    }
}

/// A clock whose wall time is set by a test.
private final class JumpingTime: TimeSource {
    private let time: ManualTime
    private let offset = Mutex<Duration>(.zero)

    init(_ time: ManualTime) { self.time = time }

    func jump(by change: Duration) { offset.withLock { $0 += change } }

    var now: Timestamp {
        let offset = offset.withLock(\.self)
        return Timestamp(milliseconds: time.now.milliseconds + Int64(offset / .milliseconds(1)))
    }

    var uptime: Duration { time.uptime }

    func sleep(for duration: Duration) async throws { try await time.sleep(for: duration) }
}
