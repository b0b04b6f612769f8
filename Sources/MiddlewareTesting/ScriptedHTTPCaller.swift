public import MiddlewareKit
import Synchronization

/// Answers HTTP calls as a test says, without a network.
public final class ScriptedHTTPCaller: HTTPCaller {
    private let answer: @Sendable (HTTPCall, Int) async throws -> HTTPAnswer
    private let made = Mutex<[HTTPCall]>([])

    /// - Parameter answer: Gets each call and its number, from 0.
    public init(_ answer: @escaping @Sendable (HTTPCall, Int) async throws -> HTTPAnswer) { self.answer = answer }

    /// Answers everything with this status.
    public convenience init(status: Int = 200) { self.init { _, _ in HTTPAnswer(status: status) } }

    /// The calls so far, in the order in which they were made.
    public var calls: [HTTPCall] { made.withLock { $0 } }

    public func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        let number = made.withLock { calls in
            calls.append(call)
            return calls.count - 1
        }
        return try await answer(call, number)
    }
}
