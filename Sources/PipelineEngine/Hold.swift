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
        try await within(time, clock, on: executor, orElse: HoldExceeded.time(time), work)
    }
}

/// A transform kept back more text than its `hold` allows, or took longer.
enum HoldExceeded: Error, CustomStringConvertible {
    case bytes(Int)
    case time(Duration)

    var description: String {
        switch self {
        case .bytes(let limit): "it held back more text than its `hold.bytes` of \(ByteSize.bytes(limit).optionText)"
        case .time(let limit): "it gave no answer to a piece of a reply within its `hold.time` of \(limit.optionText)"
        }
    }
}
