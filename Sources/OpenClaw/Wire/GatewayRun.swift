/// One run as the gateway client knows it; the same object for every event of the run.
///
/// `@unchecked Sendable`: all of it is confined to the event loop of its gateway connection, on which observers are
/// called. It must be `Sendable` to enter an observer that is an actor with `assumeIsolated`.
package final class GatewayRun: @unchecked Sendable {
    /// Equal to the idempotency key for runs that were started here.
    package let id: String
    package let gatewayID: String
    /// In its canonical form.
    package let sessionKey: String
    /// As the session key or the gateway tells it.
    package let agentID: String?
    /// The observer's own state; let go of when the run is finished, after its terminal event if it has one.
    package var owner: AnyObject?

    /// All that the gateway said so far.
    package var text: String { progress.text }

    var progress = ReplyProgress()
    /// The terminal event was delivered; all others are ignored.
    package internal(set) var isFinished = false
    /// Grows with each event of the gateway; the run with the lowest is idle for the longest time.
    var lastUse = 0
    /// The bytes of `id`, for lookups that make no String. Freed with the run.
    let key: BorrowedBytes

    init(id: String, gatewayID: String, sessionKey: String, agentID: String?) {
        self.id = id
        self.gatewayID = gatewayID
        self.sessionKey = sessionKey
        self.agentID = agentID
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: id.utf8.count, alignment: 1)
        bytes.copyBytes(from: id.utf8)
        key = BorrowedBytes(bytes: UnsafeRawBufferPointer(bytes))
    }

    deinit { key.bytes.deallocate() }
}

/// Bytes that somebody else owns, hashed and compared by content: the key under which a run is kept points into the
/// run, and a lookup points into a frame.
struct BorrowedBytes: Hashable {
    let bytes: UnsafeRawBufferPointer

    static func == (a: BorrowedBytes, b: BorrowedBytes) -> Bool {
        a.bytes.count == b.bytes.count && a.bytes.starts(withBytesOf: b.bytes)
    }

    func hash(into hasher: inout Hasher) { hasher.combine(bytes: bytes) }
}
