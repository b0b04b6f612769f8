import DequeModule
import MiddlewareKit
import NIOCore
import WebSocketTransport

/// One browser's socket, as the hub knows it. Lives on the hub's event loop.
final class BrowserConnection {
    enum Phase {
        /// Waits for the chain's word on who is there; frames wait.
        case opening
        case open
        case closed
    }

    let info: ConnectionInfo
    let socket: WebSocket
    let dialect: Dialect
    /// The gateway in the path of `/ws/chat/{gateway}`.
    let gateway: String?
    var phase = Phase.opening
    var credential: Credential?
    var principal: Principal?
    /// Of the configuration by which the browser was let in.
    var generation = 0
    /// The watched sessions and how this browser spells their keys.
    var watched: [SessionID: String] = [:]
    /// Messages that are in the chain or wait for their turn.
    var inFlight = 0
    var isPaused = false
    /// Per session: what waits for the message before it. A lane is there while a message of its session is in the chain.
    var lanes: [String: Deque<BrowserRequest>] = [:]
    /// Runs whose newest text this browser does not have, because it reads too slowly: how much it has.
    var lags: [ObjectIdentifier: Lag] = [:]
    var needsFlush = false
    var openingTimer: Scheduled<Void>?
    /// Frames that came before the chain said who is there.
    var early: [ByteBuffer] = []
    /// The chain did not let this browser in without a credential.
    var needsKey = false

    struct Lag {
        let run: LiveRun
        /// UTF-8 bytes of the visible text that were sent; nil: what was sent is void.
        var sentBytes: Int?
    }

    init(info: ConnectionInfo, socket: WebSocket, dialect: Dialect, gateway: String?, credential: Credential?) {
        self.info = info
        self.socket = socket
        self.dialect = dialect
        self.gateway = gateway
        self.credential = credential
    }
}
