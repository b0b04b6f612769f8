package import Logging
import MiddlewareKit
import NIOPosix
package import OpenClaw
package import Settings
package import Storage
import WebSocketTransport

/// From the words of config.yaml, or of those who add gateways at run time, to a connection's own values.
extension GatewayConfiguration {
    package init(_ settings: GatewaySettings) {
        self.init(
            id: settings.id.value, name: settings.name, url: settings.url, token: settings.token,
            password: settings.password, scopes: settings.scopes,
            tls: WebSocketTLS(
                caFile: settings.tls.caFile, pin: settings.tls.pin.flatMap(WebSocketTLS.pin),
                serverName: settings.tls.serverName),
            requestTimeout: settings.requestTimeout)
        whileAway =
            settings.whileAway == .reject
            ? .reject : .queue(maxMessages: settings.queueMessages, maxAge: settings.queueTime)
        blocksCommands = settings.commands == .block
        sharesKnownSessions = settings.knownSessions == .firstUser
        abortsWhenRemoved = settings.whenRemoved == .abort
        switch settings.approvals {
        case .off: approvals = .off
        case .administrators: approvals = .administrators
        case .owners: approvals = .owners
        }
    }

    /// What is said there takes the place of what was said before.
    package mutating func use(_ settings: GatewayTLSSettings) {
        if let caFile = settings.caFile { tls.caFile = caFile }
        if let pin = settings.pin { tls.pin = WebSocketTLS.pin(pin) }
        if let serverName = settings.serverName { tls.serverName = serverName }
    }

    /// - Throws: What is wrong with its options.
    package init(_ stored: StoredGateway) throws(GatewayOptionsProblem) {
        self.init(
            try GatewaySettings(
                id: stored.id, name: stored.name, url: stored.url, token: stored.token.map { Secret($0) },
                password: stored.password.map { Secret($0) }, options: stored.options))
    }

    /// Of a gateway that somebody names now: its file of certificates must be there as well.
    ///
    /// - Throws: ``Rejection`` that says what is wrong.
    package static func checked(_ stored: StoredGateway) async throws -> GatewayConfiguration {
        let configuration: GatewayConfiguration
        do {
            configuration = try GatewayConfiguration(stored)
        } catch {
            throw Rejection.badRequest("The options of the gateway are not right: \(error.description).")
        }
        let tls = configuration.tls
        // Off the event loop: it reads from disk.
        if let problem = try await NIOThreadPool.singleton.runIfActive({ tls.problem }) {
            throw Rejection.badRequest("The options of the gateway are not right: \(problem).")
        }
        return configuration
    }
}

extension Database {
    /// The gateways that were added at run time. One with options that this version does not know is passed over, and stays
    /// in the database.
    package func gatewayConfigurations(_ logger: Logger) async throws -> [GatewayConfiguration] {
        try await gateways().compactMap { stored in
            do throws(GatewayOptionsProblem) {
                return try GatewayConfiguration(stored)
            } catch {
                logger.error(
                    "a gateway that was added at run time cannot be used: change its options, or remove it",
                    metadata: ["gateway.id": "\(stored.id)", "reason": "\(error)"])
                return nil
            }
        }
    }
}
