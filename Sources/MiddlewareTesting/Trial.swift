import MiddlewareKit
import Synchronization

/// One function of a middleware with one message, called under several conditions.
struct Trial: Sendable {
    typealias Call = @Sendable (_ next: @escaping @Sendable () async throws -> Void) async throws -> Void

    private struct LaterStageError: Error {}
    private enum Signal: Sendable { case reachedNext, ended(String?), outOfPatience }

    private let place: String
    private let isHandled: Bool
    private let call: Call

    init(place: String, isHandled: Bool, call: @escaping Call) {
        (self.place, self.isHandled, self.call) = (place, isHandled, call)
    }

    func violations(patience: Duration) async -> [String] {
        let found: [String?]
        if let hangs = await Self.within(patience, { await passing() }, orElse: "it neither ended nor called next") {
            // Whatever else is tried would hang as well.
            found = [hangs]
        } else {
            let hang = "it did not end after a later stage had failed"
            found = [
                await Self.within(patience, { await laterError() }, orElse: hang), await cancellation(patience),
                await cancellationBefore(patience),
            ]
        }
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
        let reached = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingNewest(3))
        // Nobody waits for this task: one that cannot be cancelled would hold up the test for ever.
        let work = Task(executorPreference: TrialThreads.shared) {
            try? await call {
                reached.continuation.yield(.reachedNext)
                try await Task.sleep(for: .seconds(86_400))
            }
            reached.continuation.yield(.ended(nil))
        }
        var signals = reached.stream.makeAsyncIterator()
        guard case .reachedNext = await signals.next() else { return nil }
        work.cancel()
        let words = "it did not end when its task was cancelled"
        let end: @Sendable () async -> String? = {
            await work.value
            return nil
        }
        return await Self.within(patience, end, orElse: words)
    }

    /// The call is cancelled from its beginning: whatever the stage waits for before it calls `next`, it must let go.
    private func cancellationBefore(_ patience: Duration) async -> String? {
        let cancelled: @Sendable () async -> String? = {
            // A task can cancel itself in no other way, and from outside the call would have begun before.
            withUnsafeCurrentTask { $0?.cancel() }
            try? await call {}
            return nil
        }
        return await Self.within(
            patience, cancelled, orElse: "it did not end though its task was cancelled before next")
    }

    /// Whether a call for the run `b` does not come through as itself while one for the run `a` is with the stages below.
    static func isHeldUp(
        _ patience: Duration,
        _ call:
            @escaping @Sendable (
                _ id: String, _ next: @escaping @Sendable (_ arrived: String) async throws -> Void
            ) async throws -> Void
    ) async -> Bool {
        let reached = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingOldest(1))
        // Left behind at the end, as a child task could not be: the stage under trial may not let go of it.
        let first = Task(executorPreference: TrialThreads.shared) {
            try? await call("a") { _ in
                reached.continuation.yield(true)
                try await Task.sleep(for: .seconds(86_400))
            }
            reached.continuation.yield(false)
        }
        defer { first.cancel() }
        // A stage that lets nothing through holds up nothing; one that does neither waits for another run.
        let begins: @Sendable () async -> String? = {
            for await hasArrived in reached.stream { return hasArrived ? "arrived" : nil }
            return nil
        }
        let beginning = await Self.within(patience, begins, orElse: "held up")
        guard beginning == "arrived" else { return beginning != nil }
        let second: @Sendable () async -> String? = {
            let others = Counter()
            try? await call("b") { arrived in if arrived != "b" { others.increase() } }
            return others.count > 0 ? "another one" : nil
        }
        return await Self.within(patience, second, orElse: "held up") != nil
    }

    /// What `work` says, or `words` when it takes too long: then it is cancelled, and left behind.
    private static func within(
        _ patience: Duration, _ work: @escaping @Sendable () async -> String?, orElse words: String
    ) async -> String? {
        let (signals, continuation) = AsyncStream.makeStream(of: Signal.self, bufferingPolicy: .bufferingOldest(1))
        // No child: a group would wait for work that hangs, which is just what is looked for.
        let task = Task(executorPreference: TrialThreads.shared) { continuation.yield(.ended(await work())) }
        let watch = Task {
            try await Task.sleep(for: patience)
            continuation.yield(.outOfPatience)
        }
        defer { watch.cancel() }
        for await case .ended(let found) in signals.prefix(1) { return found }
        task.cancel()
        return words
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .relaxed) }
    func increase() { value.add(1, ordering: .relaxed) }
}
