import Analytics
import Foundation
import MiddlewareKit
import MiddlewareTesting
import Storage
import Testing

@Suite struct AnalyticsTests {
    /// 1 January 2026, 00:00 UTC.
    private static let day: Int64 = 1_767_225_600
    private let ada = AnalyticsKey(gateway: "home", agent: "main", user: "ada")
    private let bob = AnalyticsKey(gateway: "home", agent: "ops", model: "demo/small", user: "bob")

    private func batch(_ cells: [(Int64, AnalyticsKey, Int)]) -> AnalyticsBatch {
        var batch = AnalyticsBatch(cells: [:], countedUntil: Timestamp(milliseconds: 0), recent: [])
        for (second, key, messages) in cells {
            let minute = Timestamp(milliseconds: second * 1000).minute
            var figures = AnalyticsFigures()
            figures.messagesIn = messages
            figures.firstText.record(.milliseconds(100 * messages))
            batch.cells[AnalyticsCell(minute: minute, key: key), default: AnalyticsFigures()].add(figures)
        }
        return batch
    }

    private func messages(_ groups: [AnalyticsGroup]) -> [Int] { groups.map(\.figures.messagesIn) }

    @Test func figuresAddUpOverTimeAndKeys() async throws {
        try await withDatabase { database in
            let day = Self.day
            try await database.add(batch([(day + 30, ada, 1), (day + 90, bob, 2)]))
            try await database.add(batch([(day + 45, ada, 4), (day + 7300, ada, 8)]))
            let all = try await database.figures(AnalyticsQuery(edges: [day, day + 86_400]), now: day + 90_000).groups
            #expect(messages(all) == [15])
            #expect(all.first?.figures.firstText.count == 4)
            let minutes = try await database.figures(
                AnalyticsQuery(edges: [day, day + 60, day + 120, day + 180]), now: day + 90_000
            ).groups
            #expect(messages(minutes) == [5, 2])
            #expect(minutes.map(\.stretch) == [0, 1])
            let users = try await database.figures(
                AnalyticsQuery(edges: [day, day + 86_400], by: .user), now: day + 90_000
            ).groups
            #expect(
                Dictionary(uniqueKeysWithValues: users.map { ($0.value, $0.figures.messagesIn) }) == [
                    "ada": 13, "bob": 2,
                ])
            let filtered = try await database.figures(
                AnalyticsQuery(edges: [day, day + 86_400], by: .model, filters: [.agent: ["ops"]]), now: day + 90_000
            ).groups
            #expect(filtered.map(\.value) == ["demo/small"])
            #expect(messages(filtered) == [2])
            let unknown = try await database.figures(
                AnalyticsQuery(edges: [day, day + 86_400], filters: [.user: ["nobody"]]), now: day + 90_000
            ).groups
            #expect(unknown.isEmpty)
        }
    }

    /// Whatever the edges are, the figures are those of the minutes between them.
    @Test func allWaysToCoverATimeGiveTheSameFigures() async throws {
        try await withDatabase { database in
            var random = SystemRandomNumberGenerator()
            let span: Int64 = 4 * 86_400
            let moments = (0..<300).map { _ in Int64.random(in: 0..<span, using: &random) }
            try await database.add(batch(moments.map { (Self.day + $0, $0 % 2 == 0 ? ada : bob, 1) }))
            for _ in 0..<60 {
                let edges = (0..<Int.random(in: 2...6, using: &random))
                    .map { _ in Int64.random(in: 0...span, using: &random) / 60 * 60 }.sorted()
                for by in [nil, AnalyticsQuery.Dimension.user] {
                    let answer = try await database.figures(
                        AnalyticsQuery(edges: edges.map { Self.day + $0 }, by: by), now: Self.day + 10 * span)
                    #expect(answer.edges == Set(edges).sorted().map { Self.day + $0 })
                    for (stretch, (start, end)) in zip(answer.edges, answer.edges.dropFirst()).enumerated() {
                        let expected = moments.filter { (start..<end).contains(Self.day + $0) }.count
                        let found = answer.groups.filter { $0.stretch == stretch }.map(\.figures.messagesIn).reduce(
                            0, +)
                        #expect(found == expected, "\(start)..<\(end) by \(String(describing: by))")
                    }
                }
            }
        }
    }

    @Test func hoursOutliveMinutes() async throws {
        try await withDatabase { database in
            let day = Self.day
            try await database.add(batch([(day + 100, ada, 1), (day + 3700, ada, 2), (day + 90_000, ada, 4)]))
            try await database.prune(
                minutesBefore: Timestamp(milliseconds: (day + 7000) * 1000), hoursBefore: Timestamp(milliseconds: 0))
            // The first hour is read as a whole, as its minutes are gone.
            let first = try await database.figures(
                AnalyticsQuery(edges: [day + 120, day + 3600]), now: day + 100_000
            ).groups
            #expect(messages(first) == [1])
            let later = try await database.figures(
                AnalyticsQuery(edges: [day + 3660, day + 3720, day + 3780]), now: day + 100_000
            ).groups
            #expect(messages(later) == [2])
            // The answer tells what it holds, and what lies in one hour is in one stretch.
            let coarse = try await database.figures(
                AnalyticsQuery(edges: [day + 120, day + 180, day + 240, day + 3600, day + 3720, day + 3780]),
                now: day + 100_000)
            #expect(coarse.edges == [day, day + 3600, day + 3720, day + 3780])
            #expect(messages(coarse.groups) == [1, 2])
            let short = try await database.figures(
                AnalyticsQuery(edges: [day + 120, day + 180]), now: day + 100_000)
            #expect(short.edges == [day, day + 3600])
            #expect(messages(short.groups) == [1])
            try await database.prune(
                minutesBefore: Timestamp(milliseconds: (day + 86_400) * 1000),
                hoursBefore: Timestamp(milliseconds: (day + 86_400) * 1000))
            let all = try await database.figures(AnalyticsQuery(edges: [0, day + 100_000]), now: day + 100_000).groups
            #expect(messages(all) == [4])
            #expect(try await database.count("analytics_keys") == 3)
        }
    }

    @Test func whatACrashLostIsFoundInTheMessages() async throws {
        try await withDatabase { database in
            let recorder = AnalyticsRecorder(store: database, time: SystemLikeTime())
            try await recorder.repair(users: true)
            // Counted and written.
            try await database.store(record("r1"), rows: [])
            recorder.count(ada, message: name("r1", .user)) { $0.messagesIn += 1 }
            try await recorder.flush()
            // Stored and never written: the process ends here.
            try await database.store(record("r1", role: .assistant, text: "An answer."), rows: [])
            try await database.store(record("r2", text: "four"), rows: [])
            recorder.count(ada, message: name("r2", .user)) { $0.messagesIn += 1 }

            for _ in 0..<2 {
                // The second start finds nothing more to make good for.
                let next = AnalyticsRecorder(store: database, time: SystemLikeTime(ahead: 10))
                try await next.repair(users: true)
                let all = try await database.figures(
                    AnalyticsQuery(edges: [0, 4_000_000_000], by: .user), now: 4_000_000_000
                ).groups
                #expect(all.map(\.value) == ["ada"])
                #expect(messages(all) == [2])
                #expect(all.first?.figures.messagesOut == 1)
                #expect(all.first?.figures.charactersOut == 10)
                // From the message, which was counted before, and from the answer.
                #expect(all.first?.figures.estimatedInput.value == 2)
                #expect(all.first?.figures.estimatedOutput.value == 3)
                #expect(all.first?.figures.charactersIn == 4)
                #expect(all.first?.figures.firstText.count == 0)
            }
        }
    }

    /// As the stage counts: without names where users are not kept apart, and without what others said.
    @Test func whatIsFoundIsCountedAsTheStageWouldHave() async throws {
        try await withDatabase { database in
            let recorder = AnalyticsRecorder(store: database, time: SystemLikeTime())
            try await recorder.repair(users: false)
            try await database.store(record("r1"), rows: [])
            try await database.store(record(RunName.message("m1")), rows: [])
            try await database.store(record(RunName.history("h1"), role: .assistant), rows: [])
            let next = AnalyticsRecorder(store: database, time: SystemLikeTime(ahead: 10))
            try await next.repair(users: false)
            let all = try await database.figures(
                AnalyticsQuery(edges: [0, 4_000_000_000], by: .user), now: 4_000_000_000
            ).groups
            #expect(all.map(\.value) == [nil])
            #expect(messages(all) == [1])
            #expect(all.first?.figures.messagesOut == 0)
        }
    }

    /// A process that ends before it has written anything at all is made good for too.
    @Test func countingBeginsWithTheFirstStart() async throws {
        try await withDatabase { database in
            let first = AnalyticsRecorder(store: database, time: SystemLikeTime())
            try await first.repair(users: true)
            try await database.store(record("r1"), rows: [])
            let second = AnalyticsRecorder(store: database, time: SystemLikeTime(ahead: 10))
            try await second.repair(users: true)
            let all = try await database.figures(AnalyticsQuery(edges: [0, 4_000_000_000]), now: 4_000_000_000).groups
            #expect(messages(all) == [1])
        }
    }

    @Test func withoutAnalyticsNothingIsMadeGoodForLater() async throws {
        try await withDatabase { database in
            try await database.add(batch([(Self.day, ada, 1)]))
            try await database.forgetAnalyticsProgress()
            try await database.store(record("r1"), rows: [])
            // Counting begins anew, an hour later.
            let later = Timestamp(milliseconds: 4_000_000_000_000)
            #expect(try await database.newestMessages(before: later).isEmpty)
        }
    }

    @Test func damagedFiguresAreSaidToBeDamaged() async throws {
        try await withDatabase { database in
            try await database.add(batch([(Self.day, ada, 1)]))
            try await database.execute("UPDATE analytics SET figures = x'01FF'")
            await #expect(throws: StorageFailure.self) {
                try await database.figures(
                    AnalyticsQuery(edges: [Self.day, Self.day + 60]), now: Self.day + 3600)
            }
            // Counting goes on.
            try await database.add(batch([(Self.day, ada, 3)]))
            let all = try await database.figures(
                AnalyticsQuery(edges: [Self.day, Self.day + 60]), now: Self.day + 3600
            ).groups
            #expect(messages(all) == [3])
        }
    }

    private func name(_ run: String, _ role: MessageRecord.Role) -> UInt64 {
        CountedMessage.name(gateway: "home", sessionKey: "agent:main:main", runID: run, role: role)
    }
}

/// The machine's wall clock, some seconds ahead: rows of messages carry the real time.
private struct SystemLikeTime: TimeSource {
    var ahead: Int64 = 0

    var now: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) + ahead * 1000) }
    var uptime: Duration { .zero }
    func sleep(for duration: Duration) async throws {}
}
