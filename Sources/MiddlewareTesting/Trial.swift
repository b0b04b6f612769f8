import MiddlewareKit
import Synchronization

/// One function of a middleware with one message, called under several conditions.
struct Trial: Sendable {
    typealias Call = @Sendable (_ next: @escaping @Sendable () async throws -> Void) async throws -> Void

    private struct LaterStageError: Error {}
    private enum Signal { case reachedNext, ended, outOfPatience }

    private let place: String
    private let isHandled: Bool
    private let call: Call

    init(place: String, isHandled: Bool, call: @escaping Call) {
        (self.place, self.isHandled, self.call) = (place, isHandled, call)
    }

    func violations(patience: Duration) async -> [String] {
        let found = [await passing(), await laterError(), await cancellation(patience)]
        return found.compactMap { $0.map { "\(place): \($0)" } }
    }

    private func passing() async -> String? {
        let calls = Counter()
        var isRejected = false
        do {
            try await call { calls.increase() }
        } catch {
            isRejected = error is Rejection
        }
        if calls.count > 1 { return "next was called \(calls.count) times" }
        let isLost = calls.count == 0 && !isRejected
        return isLost && !isHandled ? "a kind that is not handled was not passed on" : nil
    }

    /// What a later stage throws must come out again, or the sender would think that all is well.
    private func laterError() async -> String? {
        let calls = Counter()
        do {
            try await call {
                calls.increase()
                throw LaterStageError()
            }
            return calls.count > 0 ? "an error of a later stage was swallowed" : nil
        } catch is LaterStageError {
            return nil
        } catch {
            return calls.count > 0 ? "an error of a later stage came out as \(error)" : nil
        }
    }

    /// Cancels the call while a later stage is at work.
    private func cancellation(_ patience: Duration) async -> String? {
        let (signals, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(3))
        // Nobody waits for this task: one that cannot be cancelled would hold up the test for ever.
        let work = Task {
            try? await call {
                continuation.yield(.reachedNext)
                try await Task.sleep(for: .seconds(86_400))
            }
            continuation.yield(.ended)
        }
        var iterator = signals.makeAsyncIterator()
        guard await iterator.next() == .reachedNext else { return nil }
        work.cancel()
        let watch = Task {
            try await Task.sleep(for: patience)
            continuation.yield(.outOfPatience)
        }
        defer { watch.cancel() }
        return await iterator.next() == .ended ? nil : "it did not end when its task was cancelled"
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .relaxed) }
    func increase() { value.add(1, ordering: .relaxed) }
}
