import Logging
package import MiddlewareKit
import Synchronization

/// Counts in memory, minute by minute, and writes what it counted when it is told to. One for the whole server: chains come and
/// go, and all count into it.
///
/// Counting is a short lock and nothing else. A crash loses what was not written yet, and `repair` finds it again in the stored
/// messages: with each batch the time and the names of the newest counted messages are written, so that it is known
/// which were counted, whatever the order in which they were stored and counted.
package final class AnalyticsRecorder: Sendable {
    /// Cells that wait to be written. Above it, what comes is counted without agent, model and user, so that the sums stay right.
    package static let maxCells = 1000
    /// How long a message may take from being stored to being counted.
    package static let overlap: Duration = .seconds(5)

    fileprivate struct State {
        var cells: [AnalyticsCell: AnalyticsFigures] = [:]
        /// Counted messages of the last seconds, oldest first.
        var recent: [(countedAt: Timestamp, name: UInt64)] = []
        var counted = RecentNames()
        var repair = Repair.needed
    }

    fileprivate enum Repair { case needed, underWay, done }

    private let store: any AnalyticsStore
    private let time: any TimeSource
    /// When this process began: what was stored before is another one's.
    private let start: Timestamp
    private let state = Mutex(State())

    package init(store: any AnalyticsStore, time: any TimeSource) {
        self.store = store
        self.time = time
        start = time.now
    }

    /// Counts something that happens now.
    ///
    /// - Parameters:
    ///   - message: The name of the message that is counted, if it is one that may be stored.
    ///   - isOnce: It may come again, and is counted the first time: a message that is sent again is stored once, too.
    package func count(
        _ key: AnalyticsKey, message: UInt64? = nil, isOnce: Bool = false, _ change: (inout AnalyticsFigures) -> Void
    ) {
        let now = time.now
        state.withLock { state in
            if isOnce, let message, !state.counted.insert(message) { return }
            change(&state[now.minute, key])
            if let message { state.note(message, at: now) }
        }
    }

    /// Whether there is so much to write that it should not wait.
    package var isFull: Bool { state.withLock { $0.cells.count >= Self.maxCells } }

    /// Writes what was counted. Does nothing before `repair` succeeded.
    ///
    /// - Parameter notesTime: Also when nothing was counted, so that the next start does not take for lost what was stored meanwhile
    ///   and not to be counted.
    /// - Throws: ``StorageFailure``; what was counted is kept for the next time.
    package func flush(notesTime: Bool = false) async throws {
        let now = time.now
        let batch: AnalyticsBatch? = state.withLock { state in
            guard state.repair == .done, notesTime || !state.cells.isEmpty else { return AnalyticsBatch?.none }
            defer { state.cells = [:] }
            state.forgetRecent(before: now)
            return AnalyticsBatch(cells: state.cells, countedUntil: now, recent: state.recent.map(\.name))
        }
        guard let batch else { return }
        do {
            try await store.add(batch)
        } catch {
            state.withLock { state in
                for (cell, figures) in batch.cells { state[cell.minute, cell.key].add(figures) }
            }
            throw error
        }
    }

    /// Counts what an earlier process had no time to write. Call it at the start, and again until it does not throw; when it was
    /// done it does nothing.
    ///
    /// - Parameter users: Whether users are kept apart.
    package func repair(users: Bool) async throws {
        let isMine = state.withLock { state in
            guard state.repair == .needed else { return false }
            state.repair = .underWay
            return true
        }
        guard isMine else { return }
        let messages: [CountedMessage]
        do {
            messages = try await store.newestMessages(before: start)
        } catch {
            state.withLock { $0.repair = .needed }
            throw error
        }
        state.withLock { state in
            for message in messages {
                var key = message.key
                if !users { key.user = nil }
                if !message.isCounted { state[message.storedAt.minute, key].add(message.figures) }
                // Those that an earlier process counted may still be among the newest at the next start.
                state.note(message.name, at: message.storedAt)
                _ = state.counted.insert(message.name)
            }
            // What was counted meanwhile came in between.
            state.recent.sort { $0.countedAt < $1.countedAt }
            state.repair = .done
        }
        try await flush()
    }

    /// Deletes what is older than it is to be kept.
    package func prune(keepMinutes: Duration, keepHours: Duration) async throws {
        let now = time.now.milliseconds
        try await store.prune(
            minutesBefore: Timestamp(milliseconds: now - keepMinutes.wholeMilliseconds),
            hoursBefore: Timestamp(milliseconds: now - keepHours.wholeMilliseconds))
    }
}

extension AnalyticsRecorder.State {
    /// The figures of a cell; with too many cells, those of its gateway as a whole.
    fileprivate subscript(minute: Int64, key: AnalyticsKey) -> AnalyticsFigures {
        get { cells[place(minute, key)] ?? AnalyticsFigures() }
        _modify { yield &cells[place(minute, key), default: AnalyticsFigures()] }
    }

    private func place(_ minute: Int64, _ key: AnalyticsKey) -> AnalyticsCell {
        let cell = AnalyticsCell(minute: minute, key: key)
        if cells.count < AnalyticsRecorder.maxCells || cells[cell] != nil { return cell }
        return AnalyticsCell(minute: minute, key: AnalyticsKey(gateway: key.gateway))
    }

    fileprivate mutating func note(_ message: UInt64, at now: Timestamp) {
        recent.append((now, message))
        // Between two flushes nobody else forgets.
        if recent.count.isMultiple(of: 1024) { forgetRecent(before: now) }
    }

    fileprivate mutating func forgetRecent(before now: Timestamp) {
        let oldest = now.milliseconds - AnalyticsRecorder.overlap.wholeMilliseconds
        recent.removeAll { $0.countedAt.milliseconds < oldest }
    }
}

extension Timestamp {
    /// Seconds since 1970 at which the minute began.
    package var minute: Int64 {
        let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
        return seconds - (seconds % 60 + 60) % 60
    }
}

/// The slot of `ProvisionContext` for the recorder.
package enum AnalyticsRecorderSlot: ContextKey {
    package typealias Value = AnalyticsRecorder
}
