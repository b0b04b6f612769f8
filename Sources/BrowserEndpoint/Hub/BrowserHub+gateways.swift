import JSON
import Logging
import MiddlewareKit
import NIOCore
package import OpenClaw
import PipelineEngine
import Storage

/// What becomes of the runs of a gateway that is removed.
enum RunsOnRemoval: String, Sendable {
    /// They may end first, for a minute.
    case finish
    /// The gateway is asked to stop them.
    case abort
}

/// What is to be different about a gateway that was added at run time.
struct GatewayChange: Sendable {
    var name: String?
    var url: String?
    var token: String?
    var password: String?
    /// Changes of the options: null gives one its default again.
    var options: JSONObject = [:]

    /// - Throws: ``Rejection`` that says what is wrong with the body.
    init(_ body: JSONObject) throws {
        try body.requireOnly("name", "url", "token", "password", "options")
        name = try body.string("name", atMost: 100)
        url = try body.string("url")
        token = try body.string("token", atMost: 4096)
        password = try body.string("password", atMost: 4096)
        options = try body.object("options") ?? [:]
        if let name { try NewGateway.check(name: name) }
        if let url { try NewGateway.check(url: url) }
    }

    /// Secrets do not move to another address by themselves: whoever may change the URL may still not read them.
    func applied(to old: StoredGateway) -> StoredGateway {
        let options = old.options.merged(with: options)
        // A proxy that knows several names may lead to another gateway under each of them.
        let keepsSecrets = (url ?? old.url, Self.serverName(options)) == (old.url, Self.serverName(old.options))
        return StoredGateway(
            id: old.id, name: name ?? old.name, url: url ?? old.url,
            token: token ?? (keepsSecrets ? old.token : nil),
            password: password ?? (keepsSecrets ? old.password : nil), options: options)
    }

    private static func serverName(_ options: JSONObject) -> JSONValue? { options["tls"]?["server-name"] }
}

/// Gateways that change while the server runs.
extension BrowserHub {
    private static let keysPrefix = "session-keys/"

    /// How the gateways spelled their session keys when the server ran last. Call it before they connect.
    package func restoreSessionKeys() async throws {
        rememberedKeys = try await storage.remembered(under: Self.keysPrefix).compactMapValues { text in
            (try? JSONValue(parsing: ByteBuffer(string: text))).map(SessionKeys.init(json:))
        }
        await gateways.setKnownKeys(rememberedKeys)
    }

    func remember(_ keys: SessionKeys, of gateway: String) {
        guard rememberedKeys[gateway] != keys else { return }
        rememberedKeys[gateway] = keys
        let text = keys.json.encoded()
        jobs.submit {
            do {
                try await self.storage.remember(text, under: Self.keysPrefix + gateway)
            } catch {
                self.logger.warning("how a gateway spells session keys could not be stored: \(error)")
            }
        }
    }

    private static let finishPatience = Duration.seconds(60)
    private static let abortPatience = Duration.seconds(5)

    /// - Parameter change: Called for those only who may change it.
    func changeGateway(
        _ id: String, _ change: @escaping @Sendable () async throws -> GatewayChange, context: MessageContext
    ) async throws -> JSONValue {
        let storage = storage
        return try await call(.manage, gateway: id, context: context) { principal in
            try principal.requireAdministrator()
            let change = try await change()
            guard let old = try await storage.gateways().first(where: { $0.id == id }) else {
                try await self.requireGateway(id)
                throw await self.standsElsewhere(id, "change")
            }
            let new = change.applied(to: old)
            if new != old {
                let configuration = try await GatewayConfiguration.checked(new)
                guard try await storage.changeGateway(new) else {
                    throw Rejection.notFound("There is no gateway “\(id)”.")
                }
                await self.useGateway(configuration)
            }
            return new.json(isConnected: await self.status(of: id)?.isConnected ?? false)
        }
    }

    /// Tries at once what would be tried later: somebody has repaired the gateway, or has approved this server.
    ///
    /// - Returns: How the gateway is doing now, which is mostly `connecting`.
    func connectGateway(_ id: String, context: MessageContext) async throws -> JSONValue {
        let gateways = gateways
        return try await call(.manage, gateway: id, context: context) { principal in
            try principal.requireAdministrator()
            try await self.requireGateway(id)
            await gateways.connectNow(id: id)
            var object: JSONObject = ["id": .string(id)]
            if let status = await self.status(of: id) { object.add(status) }
            return .object(object)
        }
    }

    /// - Parameter choice: Nil: what the gateway's own options say.
    func removeGateway(_ id: String, _ choice: RunsOnRemoval?, context: MessageContext) async throws {
        let storage = storage
        try await call(.manage, gateway: id, context: context) { principal in
            try principal.requireAdministrator()
            // One that is on its way out can be hurried.
            let isLeaving = await self.retirements[id] != nil
            guard try await storage.removeGateway(id: id) || isLeaving else {
                try await self.requireGateway(id)
                throw await self.standsElsewhere(id, "remove")
            }
            await self.retire(id, await self.beginRetirement(of: id), choice)
        }
    }

    /// Adds a gateway, or changes one. One that was on its way out stays.
    package func useGateway(_ configuration: GatewayConfiguration) async {
        retirements[configuration.id] = nil
        await gateways.add(configuration)
    }

    /// The gateway is no longer configured. It takes no new messages; its runs end as its options say, and then its connection
    /// closes. Returns at once.
    package func retireGateway(_ id: String) {
        let number = beginRetirement(of: id)
        jobs.submit { await self.retire(id, number, nil) }
    }

    private func beginRetirement(of id: String) -> Int {
        lastRetirement += 1
        retirements[id] = lastRetirement
        return lastRetirement
    }

    private func retire(_ id: String, _ number: Int, _ choice: RunsOnRemoval?) async {
        let isAborting = await gateways.configuration(of: id)?.abortsWhenRemoved ?? false
        if choice ?? (isAborting ? .abort : .finish) == .finish {
            await waitForRuns(of: id, number, atMost: Self.finishPatience)
        }
        for run in runs.values where run.upstream.gateway == id && retirements[id] == number {
            // One that cannot be stopped is waited for, like the others.
            _ = try? await gateways.abort(gateway: id, sessionKey: run.upstream.key, runID: run.gatewayRunID)
        }
        await waitForRuns(of: id, number, atMost: Self.abortPatience)
        guard retirements[id] == number else { return }
        retirements[id] = nil
        removeGateway(id)
    }

    /// Returns when no run of the gateway is under way, or the time for that is over, or the gateway stays after all.
    private func waitForRuns(of id: String, _ number: Int, atMost patience: Duration) async {
        let deadline = time.uptime + patience
        while retirements[id] == number, runs.keys.contains(where: { $0.gateway == id }),
            status(of: id)?.isConnected == true, time.uptime < deadline
        {
            guard await pause(.milliseconds(50)) else { return }
        }
    }

    /// Whether there is such a gateway that is not on its way out.
    func staysConfigured(_ id: String) -> Bool { status(of: id) != nil && retirements[id] == nil }

    private func requireGateway(_ id: String) throws {
        guard status(of: id) != nil else { throw Rejection.notFound("There is no gateway “\(id)”.") }
    }

    private func standsElsewhere(_ id: String, _ verb: String) -> Rejection {
        let isDemo = gateways.assumeIsolated { $0.configuration(of: id)?.isDemo ?? false }
        return Rejection(
            code: "conflict",
            message: isDemo
                ? "The gateway “\(id)” is the demo gateway. It goes when the server is started without --demo."
                : "The gateway “\(id)” stands in config.yaml; \(verb) it there.")
    }
}
