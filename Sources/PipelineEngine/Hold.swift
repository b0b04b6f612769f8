import MiddlewareKit

/// How much of a reply's text a transform may keep back while it streams, and how long a piece may be in its hands.
package struct Hold: Sendable, Hashable {
    package var bytes: Int
    package var time: Duration

    package init(bytes: Int = 256 << 10, time: Duration = .seconds(30)) {
        self.bytes = bytes
        self.time = time
    }

    /// Lets a transform that awaits something work on text.
    ///
    /// - Parameter executor: Where it works; nil: anywhere.
    /// - Throws: ``HoldExceeded`` after `time`, or what `work` throws.
    func bound<Result: Sendable>(
        _ clock: any TimeSource, on executor: (any TaskExecutor)?, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await within(time, clock, on: executor, orElse: HoldExceeded(limit: time.optionText), work)
    }
}

/// A transform kept back more text than its `hold` allows, or for longer.
struct HoldExceeded: Error, CustomStringConvertible {
    let limit: String
    var description: String { "it held back text beyond its `hold` of \(limit)" }
}
