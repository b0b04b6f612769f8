import MiddlewareKit
import NIOCore

/// A session that somebody watches or that has a run under way. Lives on the hub's event loop.
final class Session {
    let id: SessionID
    var owner: SessionOwner
    /// Those who watch, grouped by what their frames look like.
    private(set) var audiences: [Audience] = []
    /// Runs that have not ended, oldest first.
    var runs: [LiveRun] = []

    init(id: SessionID, owner: SessionOwner) {
        self.id = id
        self.owner = owner
    }

    var isIdle: Bool { audiences.isEmpty && runs.isEmpty }

    func permits(_ principal: Principal) -> Bool {
        switch owner {
        case .unresolved: false
        case .undecided: true
        case .nobody: principal.isAdministrator
        case .user(let user): user == principal.user || principal == .anonymous
        }
    }

    func add(_ connection: BrowserConnection, spelling: String) {
        if let audience = audiences.first(where: { $0.dialect == connection.dialect && $0.spelling == spelling }) {
            if !audience.connections.contains(where: { $0 === connection }) { audience.connections.append(connection) }
        } else {
            let audience = Audience(dialect: connection.dialect, gateway: id.gateway, spelling: spelling)
            audience.connections.append(connection)
            audiences.append(audience)
        }
    }

    func remove(_ connection: BrowserConnection) {
        for audience in audiences { audience.connections.removeAll { $0 === connection } }
        audiences.removeAll { $0.connections.isEmpty }
    }
}

/// Watchers of one session who get byte-identical frames: the same protocol and the same spelling of the session key.
final class Audience {
    let dialect: Dialect
    let gateway: String
    /// The key as these browsers wrote it; it comes back in every frame.
    let spelling: String
    var connections: [BrowserConnection] = []
    /// The constant head of the delta frames of the run that was encoded last.
    var deltaHead: (runID: String, bytes: ByteBuffer)?

    init(dialect: Dialect, gateway: String, spelling: String) {
        self.dialect = dialect
        self.gateway = gateway
        self.spelling = spelling
    }
}

/// Which of the two WebSocket protocols a browser speaks.
enum Dialect: Sendable, Hashable {
    /// `/ws`.
    case native
    /// `/ws/chat/{gateway}`: one session a socket, cumulative text.
    case chat
}
