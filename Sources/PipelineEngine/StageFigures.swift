import CoreMetrics
import Synchronization
import Telemetry

/// What a stage did, counted by the engine, and told to the metrics backend. Safe to use from anywhere.
package final class StageFigures: Sendable {
    package struct Values: Sendable, Hashable {
        package var calls = 0
        package var rejections = 0
        package var errors = 0
        package var timeouts = 0
        package var drops = 0
        /// Messages, events and whole replies that came out otherwise than they went in; of a shadow, that would have.
        package var changes = 0
        /// The time spent in the stage itself, without the stages below it.
        package var total: Duration = .zero
        /// How many calls took less than 2^n microseconds and at least 2^(n-1), for n = 0...31; the last holds the rest.
        package var histogram = [Int](repeating: 0, count: 32)
    }

    package enum Outcome: Sendable { case passed, dropped, rejected, failed, timedOut }

    private let values = Mutex(Values())
    private let calls: Counter
    private let rejections: Counter
    private let errors: Counter
    private let timeouts: Counter
    private let drops: Counter
    private let changes: Counter
    private let time: Timer

    /// - Parameter stage: The name of the stage's instance, for its metrics.
    package init(stage: String) {
        calls = Counter(.stageCalls, stage)
        rejections = Counter(.stageRejections, stage)
        errors = Counter(.stageErrors, stage)
        timeouts = Counter(.stageTimeouts, stage)
        drops = Counter(.stageDrops, stage)
        changes = Counter(.stageChanges, stage)
        time = Timer(.stageDuration, stage)
    }

    package var current: Values { values.withLock { $0 } }

    package func recordChange() {
        changes.increment()
        values.withLock { $0.changes += 1 }
    }

    /// Counts a call: of the stage's function, or of its transform for the whole text of a reply.
    package func record(_ outcome: Outcome, took duration: Duration) {
        calls.increment()
        time.record(duration)
        switch outcome {
        case .passed: break
        case .dropped: drops.increment()
        case .rejected: rejections.increment()
        case .failed: errors.increment()
        case .timedOut: timeouts.increment()
        }
        values.withLock { values in
            values.calls += 1
            values.total += duration
            let (seconds, attoseconds) = duration.components
            let microseconds = max(0, seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
            values.histogram[min(31, Int64.bitWidth - microseconds.leadingZeroBitCount)] += 1
            switch outcome {
            case .passed: break
            case .dropped: values.drops += 1
            case .rejected: values.rejections += 1
            case .failed: values.errors += 1
            case .timedOut: values.timeouts += 1
            }
        }
    }
}
