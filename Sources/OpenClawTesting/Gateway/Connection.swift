import NIOCore
import WebSocketTransport

/// A client's connection.
struct Connection {
    let socket: WebSocket
    let channel: any Channel
    /// Of the challenge that this connection got.
    let nonce: String
    /// Set by `hello-ok`.
    var admission: Admission?
    /// Protocol 4: of the last counted event that was sent.
    var seq = 0
    /// How many chat events were sent.
    var chatEvents = 0
    var isSubscribedToSessions = false
    var isFrozen = false

    var isReady: Bool { admission != nil }
}

/// What a connection may do.
struct Admission {
    let scopes: [String]
    let deviceID: String?

    /// OpenClaw protocol: write includes read, admin includes all.
    func allows(_ scope: String) -> Bool {
        scopes.contains(scope) || scopes.contains("operator.admin")
            || (scope == "operator.read" && scopes.contains("operator.write"))
    }
}
