import Dispatch
import MiddlewareKit
import MiddlewareTesting
import Synchronization
import Testing

@testable import PipelineEngine

/// Which threads the stages run on that may block theirs.
@Suite struct SharedThreadsTests {
    private let threads = Threads()
    /// Who was where, in order.
    private let places = Log<String>()

    private func stage(
        _ name: String, condition: Condition = .always, fails: Bool = false, on executor: Threads? = nil
    ) -> Stage {
        var middleware = ClosureMiddleware()
        middleware.onInbound = { [places] message, context, next in
            places.append("\(name): \(Threads.place)")
            if fails { throw TestError() }
            try await next(message, context)
        }
        return Stage(
            name: name, kind: "test", middleware: middleware, condition: condition, onError: fails ? .open : .closed,
            executor: executor)
    }

    private func send(through stages: Stage...) async throws {
        let chain = Chain(stages: stages, time: ManualTime())
        _ = try await chain.send(chat(), context: context()) { [places] _, _ in
            places.append("terminal: \(Threads.place)")
        }
    }

    @Test func whatIsBelowAStageThatMayBlockRunsElsewhere() async throws {
        try await send(through: stage("a", on: threads), stage("b"))
        #expect(places.all == ["a: own", "b: other", "terminal: other"])
    }

    /// Each change of threads costs more than such a stage does.
    @Test func twoInARowShareTheirThreadsWithoutAChange() async throws {
        try await send(through: stage("a", on: threads), stage("c"))
        let changes = threads.changes
        try await send(through: stage("a", on: threads), stage("b", on: threads), stage("c"))
        #expect(places.all.suffix(4) == ["a: own", "b: own", "c: other", "terminal: other"])
        #expect(threads.changes == 2 * changes)
    }

    @Test func aStageThatIsPassedByDoesNotLeaveTheMessageThere() async throws {
        try await send(
            through: stage("a", on: threads), stage("b", condition: condition("user == nobody"), on: threads),
            stage("c"))
        #expect(places.all == ["a: own", "c: other", "terminal: other"])
    }

    @Test func behindAStageThatFailedTheyAreSharedToo() async throws {
        try await send(through: stage("a", fails: true, on: threads), stage("b", on: threads), stage("c"))
        #expect(places.all == ["a: own", "b: own", "c: other", "terminal: other"])
    }
}

/// A thread for stages.
private final class Threads: TaskExecutor {
    private static let mark = DispatchSpecificKey<Bool>()

    private let queue = DispatchQueue(label: "stages")
    private let count = Mutex(0)

    init() { queue.setSpecific(key: Self.mark, value: true) }

    /// How often somebody came here.
    var changes: Int { count.withLock { $0 } }

    /// Where the caller is.
    static var place: String { DispatchQueue.getSpecific(key: mark) == nil ? "other" : "own" }

    func enqueue(_ job: consuming ExecutorJob) {
        count.withLock { $0 += 1 }
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
