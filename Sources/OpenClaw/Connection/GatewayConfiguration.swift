package import MiddlewareKit
package import WebSocketTransport

/// How to reach one gateway.
package struct GatewayConfiguration: Sendable, Equatable {
    /// Enough to chat. Asking for more than was approved blocks the whole connect (OpenClaw protocol: pairing).
    package static let defaultScopes = ["operator.read", "operator.write"]

    package var id: String
    package var name: String
    /// `ws://` or `wss://`.
    package var url: String
    /// The gateway's shared secret; an empty one counts as none.
    package var token: Secret?
    package var password: Secret?
    package var scopes: [String]
    package var approvals = ApprovalPolicy.off
    /// For `wss://`.
    package var tls: WebSocketTLS
    /// How long a request may stay without an answer.
    package var requestTimeout: Duration
    /// Before the first new attempt after a failure.
    package var retryDelay: Duration = .seconds(1)
    package var whileAway = AwayPolicy.standard
    /// Sessions that the gateway had before somebody wrote in them here are given to the first user who does. False: they
    /// are for administrators.
    package var sharesKnownSessions = false
    /// Messages that begin with `/` are refused, except from administrators.
    package var blocksCommands = false
    /// Answers under way are stopped at once when the gateway is removed. False: they may end first.
    package var abortsWhenRemoved = false
    /// It was started in this process, to try the server with: it stands in no file.
    package var isDemo = false

    package init(
        id: String,
        name: String,
        url: String,
        token: Secret? = nil,
        password: Secret? = nil,
        scopes: [String] = defaultScopes,
        tls: WebSocketTLS = WebSocketTLS(),
        requestTimeout: Duration = .seconds(30)
    ) {
        self.id = id
        self.name = name
        self.url = url
        self.token = token.flatMap { $0.revealed.isEmpty ? nil : $0 }
        self.password = password.flatMap { $0.revealed.isEmpty ? nil : $0 }
        self.scopes = scopes
        self.tls = tls
        self.requestTimeout = requestTimeout
    }

    /// Whether the two make different connections: neither the name nor what is decided here does.
    func connects(otherThan new: Self) -> Bool {
        var new = new
        (new.name, new.whileAway, new.blocksCommands) = (name, whileAway, blocksCommands)
        (new.sharesKnownSessions, new.abortsWhenRemoved) = (sharesKnownSessions, abortsWhenRemoved)
        return self != new
    }

    /// What the gateway is asked for in all.
    var wantedScopes: [String] {
        let approving = "operator.approvals"
        return approvals == .off || scopes.contains(approving) ? scopes : scopes + [approving]
    }
}
