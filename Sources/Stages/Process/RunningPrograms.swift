package import MiddlewareKit
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The programs that a server has started and that have not ended, so that none outlives it, in whatever way it ends. Safe to use
/// from anywhere.
package final class RunningPrograms: Sendable {
    /// One life of a program.
    struct Entry: Sendable, Hashable { fileprivate let number: Int }

    private struct Program {
        let ending: ProgramEnding
        /// Nil: it is being started.
        var group: pid_t?
    }

    private struct State {
        var last = 0
        var running: [Int: Program] = [:]
        var isClosed = false
        var isKilled = false
        /// They finish when nothing runs any more.
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    private let state = Mutex(State())
    private let time: any TimeSource

    package init(time: any TimeSource) { self.time = time }

    /// No program is started any more.
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// A program is to be started. ``remove(_:)`` must follow.
    ///
    /// - Returns: Nil: it must not, as the server ends.
    func add(_ ending: ProgramEnding) -> Entry? {
        state.withLock { state in
            guard !state.isClosed else { return nil }
            state.last += 1
            state.running[state.last] = Program(ending: ending)
            return Entry(number: state.last)
        }
    }

    /// It was started, as the first of a process group.
    func note(_ entry: Entry, group: pid_t) {
        state.withLock { state in
            state.running[entry.number]?.group = group
            if state.isKilled { Self.kill(group) }
        }
    }

    /// It has ended.
    func remove(_ entry: Entry) {
        state.withLock { state in
            state.running[entry.number] = nil
            guard state.running.isEmpty else { return }
            for waiter in state.waiters { waiter.finish() }
            state.waiters = []
        }
    }

    /// Asks all programs to end, and returns when they have; that takes as long as they are given, and no longer.
    package func end() async {
        let endings = state.withLock { state in
            state.isClosed = true
            return state.running.values.map(\.ending)
        }
        for ending in endings { ending.ask(because: ProgramFailure("the server ends")) }
        await withTaskGroup(of: Void.self) { [time] group in
            group.addTask { await self.wait() }
            group.addTask { try? await time.sleep(for: ProgramRun.grace + .seconds(1)) }
            await group.next()
            group.cancelAll()
        }
        await kill()
    }

    /// Kills all programs, and what they started, at once.
    package func kill() async {
        // What is just being started is known in a moment.
        for _ in 1...100 {
            guard killKnown() > 0 else { break }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }

    /// - Returns: How many are just being started.
    private func killKnown() -> Int {
        state.withLock { state in
            (state.isClosed, state.isKilled) = (true, true)
            for case let group? in state.running.values.map(\.group) { Self.kill(group) }
            return state.running.values.count { $0.group == nil }
        }
    }

    private static func kill(_ group: pid_t) {
        #if canImport(Glibc)
            _ = Glibc.kill(-group, SIGKILL)
        #else
            _ = Darwin.kill(-group, SIGKILL)
        #endif
    }

    private func wait() async {
        let (emptiness, waiter) = AsyncStream.makeStream(of: Void.self)
        state.withLock { state in
            if state.running.isEmpty { waiter.finish() } else { state.waiters.append(waiter) }
        }
        for await _ in emptiness {}
    }
}

/// Where the server hands its list of programs to the stages.
package enum RunningProgramsKey: ContextKey {
    package typealias Value = RunningPrograms
}
