package import MiddlewareKit

/// How a gateway connection is doing, in words for people.
package struct GatewayStatus: Sendable, Equatable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// The socket is being opened. Becomes `handshaking` or `backing-off`.
        case connecting
        /// The socket is open. Becomes `ready`, `limited`, `pairing`, `refused` or `backing-off`.
        case handshaking
        /// The gateway's admin must approve this device. Tried again slowly.
        case pairing
        /// Connected without the rights that chatting needs. Becomes `connecting` slowly again, to ask for them, or
        /// `backing-off` when the connection is lost.
        case limited
        /// Connected. Becomes `backing-off` when the connection is lost.
        case ready
        /// Waiting for the next attempt. Becomes `connecting`.
        case backingOff = "backing-off"
        /// The gateway says no and somebody must change something. Tried again slowly.
        case refused
        /// Nothing happens any more.
        case stopped
    }

    package var state: State
    /// What is the matter, in plain words.
    package var reason: String?
    /// What to do about it.
    package var remedy: String?
    /// The word for it in docs/gateway.md.
    package var code: String?
    /// When this state began.
    package var since: Timestamp
    /// Failed attempts since the connection was last up.
    package var attempts: Int
    package var retryAt: Timestamp?
    /// The last thing that went wrong; stays when the connection is up again.
    package var lastError: String?
    package var protocolVersion: Int?
    package var serverVersion: String?
    /// From the connect request to its answer.
    package var latency: Duration?

    package init(state: State, since: Timestamp) {
        self.state = state
        self.since = since
        attempts = 0
    }

    package var isConnected: Bool { state == .ready }

    /// False when a person must do something first.
    package var mayComeBackByItself: Bool {
        switch state {
        case .connecting, .handshaking, .ready, .backingOff: true
        case .pairing, .limited, .refused, .stopped: false
        }
    }
}
