import Synchronization

/// Hands things from the gateway to a test that waits for them. Keeps the newest `capacity` that nobody asked for yet.
final class Mailbox<Element: Sendable>: Sendable {
    private struct Waiter {
        let id: Int
        let matches: @Sendable (Element) -> Bool
        let continuation: CheckedContinuation<Element, any Error>
    }

    private struct State {
        var elements: [Element] = []
        var waiters: [Waiter] = []
        var nextID = 0
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    func deliver(_ element: Element) {
        let continuation = state.withLock { state in
            if let index = state.waiters.firstIndex(where: { $0.matches(element) }) {
                return Optional(state.waiters.remove(at: index).continuation)
            }
            if state.elements.count == capacity { state.elements.removeFirst() }
            state.elements.append(element)
            return nil
        }
        continuation?.resume(returning: element)
    }

    /// The oldest element that matches and was not handed out before; waits for it.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    func next(where matches: @escaping @Sendable (Element) -> Bool = { _ in true }) async throws -> Element {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                wait(Waiter(id: id, matches: matches, continuation: continuation))
            }
        } onCancel: {
            cancel(id)
        }
    }

    private func wait(_ waiter: Waiter) {
        let result: Result<Element, any Error>? = state.withLock { state in
            if let index = state.elements.firstIndex(where: waiter.matches) {
                return .success(state.elements.remove(at: index))
            }
            // The handler may have run before there was a waiter to cancel.
            if Task.isCancelled { return .failure(CancellationError()) }
            state.waiters.append(waiter)
            return nil
        }
        if let result { waiter.continuation.resume(with: result) }
    }

    private func cancel(_ id: Int) {
        let waiter = state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(throwing: CancellationError())
    }
}
