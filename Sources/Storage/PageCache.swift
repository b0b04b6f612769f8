import NIOCore
import Synchronization

/// The newest pages of sessions that were asked for last, ready to be sent: many browsers load the same page when they come
/// back after a restart. Any write makes all pages void.
final class PageCache: Sendable {
    struct Key: Hashable, Sendable {
        let gateway: String
        let sessionKey: String
        let limit: Int
    }

    /// Bytes of pages that are kept, with their keys.
    private static let capacity = 8 << 20

    private struct State {
        var pages: [Key: MessagePage] = [:]
        var bytes = 0
        /// Counts the writes, so that a page that was read before one is not kept after it.
        var version = 0
    }

    private let state = Mutex(State())

    var version: Int { state.withLock { $0.version } }

    subscript(key: Key) -> MessagePage? { state.withLock { $0.pages[key] } }

    /// Keeps a page that was read when there had been `version` writes.
    func keep(_ page: MessagePage, for key: Key, version: Int) {
        let size = page.json.readableBytes + key.gateway.utf8.count + key.sessionKey.utf8.count + 200
        state.withLock { state in
            guard state.version == version, size < Self.capacity / 4 else { return }
            if state.bytes + size > Self.capacity { (state.pages, state.bytes) = ([:], 0) }
            if state.pages.updateValue(page, forKey: key) == nil { state.bytes += size }
        }
    }

    func forget() {
        state.withLock { state in
            state.version += 1
            if !state.pages.isEmpty { (state.pages, state.bytes) = ([:], 0) }
        }
    }
}
