package import NIOCore

/// Limits and timing of one WebSocket. The defaults suit a server that talks to browsers.
package struct WebSocketOptions: Sendable {
    /// The largest message to receive, all its fragments together; above it the socket closes with 1009.
    package var maxMessageBytes = 1 << 20
    /// The most frames that one message may come in; above it the socket closes with 1009.
    package var maxFragments = 1024
    /// Whether text that is no UTF-8 closes the socket with 1007. Off only where a parser checks the text anyway.
    package var validatesUTF8 = true

    /// A peer that was silent for this long gets a ping. nil: no pings.
    package var pingInterval: TimeAmount? = .seconds(30)
    /// How long after a ping the connection is given up, if nothing at all came.
    package var pongTimeout: TimeAmount = .seconds(10)
    /// How long the peer may take to answer a Close frame.
    package var closeTimeout: TimeAmount = .seconds(5)
    /// Client: how long connecting may take, and how long TLS and the HTTP answer may take after it.
    /// Server: how long the first HTTP request may take to arrive.
    package var handshakeTimeout: TimeAmount = .seconds(10)

    /// The socket stops being writable above this many waiting bytes.
    package var highWatermark = 64 << 10
    /// It is writable again below this many waiting bytes; a value above `highWatermark` counts as `highWatermark`.
    package var lowWatermark = 32 << 10
    /// When more bytes than this wait behind the next frame, what waits is dropped and the socket closes with
    /// `slowConsumerCode`. The next frame itself may have any size, and pings do not count.
    package var maxQueuedBytes = 1 << 20
    /// The close code for a peer that reads too slowly.
    package var slowConsumerCode: UInt16 = 4008

    package init() {}
}
