import Synchronization

/// Runs what a shadow does beside the messages, so that it holds up nothing. What finds no place is left out: a shadow that
/// hangs costs its places and no more. Safe to use from anywhere.
package final class ShadowDesk: Sendable {
    /// How many calls of one stage may be under way.
    static let places = 64

    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// False: there was no place.
    func start(on executor: (any TaskExecutor)?, _ work: @escaping @Sendable () async -> Void) -> Bool {
        let hasPlace = state.withLock { state in
            guard state.running < Self.places else { return false }
            state.running += 1
            return true
        }
        guard hasPlace else { return false }
        // Not a child of the message's task, which would wait for it. `places` bounds how many there are.
        Task(executorPreference: executor) {
            await work()
            self.leave()
        }
        return true
    }

    /// Returns once nothing is under way.
    package func rest() async {
        await withCheckedContinuation { continuation in
            let isAtRest = state.withLock { state in
                if state.running > 0 { state.waiting.append(continuation) }
                return state.running == 0
            }
            if isAtRest { continuation.resume() }
        }
    }

    private func leave() {
        let waiting = state.withLock { state in
            state.running -= 1
            guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
