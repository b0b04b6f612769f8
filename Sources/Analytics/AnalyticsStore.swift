package import MiddlewareKit

/// Keeps figures. Safe to use from anywhere.
package protocol AnalyticsStore: Sendable {
    /// Adds figures to what is kept, all or nothing.
    ///
    /// - Throws: ``StorageFailure``; nothing was added then.
    func add(_ batch: AnalyticsBatch) async throws
    /// The newest stored messages, among them those that were not counted, because the process ended before what it had counted was
    /// written; of messages stored before `time`. Where counting was not under way, it begins at `time`.
    func newestMessages(before time: Timestamp) async throws -> [CountedMessage]
    /// Deletes what is older.
    func prune(minutesBefore: Timestamp, hoursBefore: Timestamp) async throws
}

/// Figures that were counted, and up to when.
package struct AnalyticsBatch: Sendable {
    package var cells: [AnalyticsCell: AnalyticsFigures]
    /// When the last of them was counted.
    package var countedUntil: Timestamp
    /// The messages that were counted shortly before that, see ``AnalyticsRecorder/overlap``.
    package var recent: [UInt64]

    package init(cells: [AnalyticsCell: AnalyticsFigures], countedUntil: Timestamp, recent: [UInt64]) {
        self.cells = cells
        self.countedUntil = countedUntil
        self.recent = recent
    }
}

/// A stored message, with what there is to count of it.
package struct CountedMessage: Sendable {
    package var storedAt: Timestamp
    package var name: UInt64
    /// Its figures are written already.
    package var isCounted: Bool
    package var key: AnalyticsKey
    package var figures: AnalyticsFigures

    package init(storedAt: Timestamp, name: UInt64, isCounted: Bool, key: AnalyticsKey, figures: AnalyticsFigures) {
        self.storedAt = storedAt
        self.name = name
        self.isCounted = isCounted
        self.key = key
        self.figures = figures
    }

    /// The same name for a message when it is counted and when it is read from the database.
    package static func name(gateway: String, sessionKey: String, runID: String, role: MessageRecord.Role) -> UInt64 {
        stableHash(gateway, sessionKey, runID, role.rawValue)
    }
}
