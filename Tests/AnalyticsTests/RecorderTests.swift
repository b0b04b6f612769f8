import Analytics
import MiddlewareKit
import MiddlewareTesting
import Synchronization
import Testing

@Suite struct RecorderTests {
    /// Keeps batches, and can be told to fail.
    final class Store: AnalyticsStore {
        struct State {
            var batches: [AnalyticsBatch] = []
            var uncounted: [CountedMessage] = []
            var failure: StorageFailure?
        }
        let state = Mutex(State())

        func add(_ batch: AnalyticsBatch) async throws {
            try state.withLock { state in
                if let failure = state.failure { throw failure }
                state.batches.append(batch)
            }
        }
        func newestMessages(before time: Timestamp) async throws -> [CountedMessage] { state.withLock { $0.uncounted } }
        func prune(minutesBefore: Timestamp, hoursBefore: Timestamp) async throws {}

        var batches: [AnalyticsBatch] { state.withLock { $0.batches } }
    }

    private let store = Store()
    private let time = ManualTime()
    private let key = AnalyticsKey(gateway: "home", agent: "main", user: "ada")

    private func recorder() async throws -> AnalyticsRecorder {
        let recorder = AnalyticsRecorder(store: store, time: time)
        try await recorder.repair(users: true)
        return recorder
    }

    @Test func countsAreWrittenOnceByMinuteAndKey() async throws {
        let recorder = try await recorder()
        recorder.count(key) { $0.messagesIn += 1 }
        recorder.count(key) { $0.messagesIn += 1 }
        time.advance(by: .seconds(60))
        recorder.count(key) { $0.messagesIn += 1 }
        try await recorder.flush()
        try await recorder.flush()
        #expect(store.batches.count == 1)
        let cells = try #require(store.batches.first?.cells)
        #expect(cells.count == 2)
        #expect(cells[AnalyticsCell(minute: 1_767_225_600, key: key)]?.messagesIn == 2)
        #expect(cells[AnalyticsCell(minute: 1_767_225_660, key: key)]?.messagesIn == 1)
    }

    @Test func whatCannotBeWrittenIsKept() async throws {
        let recorder = try await recorder()
        recorder.count(key) { $0.messagesIn += 1 }
        store.state.withLock { $0.failure = StorageFailure(reason: .full, description: "the disk is full") }
        await #expect(throws: StorageFailure.self) { try await recorder.flush() }
        recorder.count(key) { $0.messagesIn += 1 }
        store.state.withLock { $0.failure = nil }
        try await recorder.flush()
        #expect(store.batches.first?.cells.values.map(\.messagesIn) == [2])
    }

    @Test func withTooManyCellsTheSumsStayRight() async throws {
        let recorder = try await recorder()
        for number in 0..<3000 {
            recorder.count(AnalyticsKey(gateway: "home", agent: "main", user: "user-\(number)")) { $0.messagesIn += 1 }
        }
        #expect(recorder.isFull)
        try await recorder.flush()
        let cells = try #require(store.batches.first?.cells)
        #expect(cells.count <= AnalyticsRecorder.maxCells + 1)
        #expect(cells.values.map(\.messagesIn).reduce(0, +) == 3000)
    }

    /// The names that go with a batch are those of the last seconds, so that the rest can be found by time.
    @Test func theNamesOfTheNewestMessagesGoWithABatch() async throws {
        let recorder = try await recorder()
        recorder.count(key, message: 1) { $0.messagesIn += 1 }
        time.advance(by: .seconds(3))
        recorder.count(key, message: 2) { $0.messagesIn += 1 }
        time.advance(by: .seconds(4))
        recorder.count(key, message: 3) { $0.messagesIn += 1 }
        try await recorder.flush()
        #expect(store.batches.first?.recent == [2, 3])
        #expect(store.batches.first?.countedUntil == time.now)
    }

    /// Else the next start would take for lost what came meanwhile and was not to be counted.
    @Test func theTimeIsNotedAlsoWhenNothingWasCounted() async throws {
        let recorder = try await recorder()
        try await recorder.flush()
        #expect(store.batches.isEmpty)
        time.advance(by: .seconds(60))
        try await recorder.flush(notesTime: true)
        #expect(store.batches.map(\.countedUntil) == [time.now])
        #expect(store.batches.first?.cells.isEmpty == true)
    }

    /// What an earlier process counted is not counted again, neither now nor after the next end of the process.
    @Test func namesAreHandedOnFromProcessToProcess() async throws {
        let storedAt = Timestamp(milliseconds: time.now.milliseconds - 1000)
        let counted = CountedMessage(
            storedAt: storedAt, name: 5, isCounted: true, key: key, figures: AnalyticsFigures())
        store.state.withLock { $0.uncounted = [counted] }
        let recorder = try await recorder()
        recorder.count(key, message: 8) { $0.messagesIn += 1 }
        try await recorder.flush()
        let batch = try #require(store.batches.first)
        #expect(batch.recent == [5, 8])
        #expect(batch.cells.values.map(\.messagesIn).reduce(0, +) == 1)
    }

    @Test func nothingIsWrittenBeforeTheRepair() async throws {
        let recorder = AnalyticsRecorder(store: store, time: time)
        recorder.count(key, message: 7) { $0.messagesIn += 1 }
        try await recorder.flush()
        #expect(store.batches.isEmpty)
        var lost = AnalyticsFigures()
        lost.messagesIn = 1
        let storedAt = Timestamp(milliseconds: time.now.milliseconds - 2000)
        store.state.withLock {
            $0.uncounted = [CountedMessage(storedAt: storedAt, name: 6, isCounted: false, key: key, figures: lost)]
        }
        try await recorder.repair(users: true)
        let batch = try #require(store.batches.first)
        #expect(batch.cells.values.map(\.messagesIn).reduce(0, +) == 2)
        // Made good for once, and never again.
        #expect(batch.recent == [6, 7])
    }
}
