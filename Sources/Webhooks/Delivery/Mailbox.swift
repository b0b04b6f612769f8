import Synchronization

/// Things that happened, for one reader that takes all of them at once. The writers bound themselves.
final class Mailbox<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var reader: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func put(_ item: Item) {
        let reader = state.withLock { state in
            state.items.append(item)
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    /// Waits until there is something.
    func takeAll() async -> [Item] {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.items.isEmpty { state.reader = continuation }
                return !state.items.isEmpty
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            defer { state.items = [] }
            return state.items
        }
    }
}
