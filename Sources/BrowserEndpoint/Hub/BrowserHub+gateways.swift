import JSON
import Logging
import MiddlewareKit
import NIOCore
import OpenClaw
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

    /// - Throws: ``Rejection`` that says what is wrong with the body.
    init(_ body: JSONObject) throws {
        try body.requireOnly("name", "url", "token", "password")
        name = try body.string("name", atMost: 100)
        url = try body.string("url")
        token = try body.string("token", atMost: 4096)
        password = try body.string("password", atMost: 4096)
        if let name { try NewGateway.check(name: name) }
        if let url { try NewGateway.check(url: url) }
    }

    /// Secrets do not move to another address by themselves: whoever may change the URL may still not read them.
    func applied(to old: StoredGateway) -> StoredGateway {
        let keepsSecrets = url == nil || url == old.url
        return StoredGateway(
            id: old.id, name: name ?? old.name, url: url ?? old.url,
            token: token ?? (keepsSecrets ? old.token : nil),
            password: password ?? (keepsSecrets ? old.password : nil))
    }
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

    func changeGateway(_ id: String, _ change: GatewayChange, context: MessageContext) async throws -> JSONValue {
        let (gateways, storage) = (gateways, storage)
        return try await call(.manage, gateway: id, context: context) { principal in
            try principal.requireAdministrator()
            try await self.requireGateway(id)
            guard let old = try await storage.gateways().first(where: { $0.id == id }) else {
                throw Self.standsInConfiguration(id, "change")
            }
            let new = change.applied(to: old)
            if new != old {
                guard try await storage.changeGateway(new) else {
                    throw Rejection.notFound("There is no gateway “\(id)”.")
                }
                await gateways.add(GatewayConfiguration(new))
            }
            let isConnected = await self.status(of: id)?.isConnected ?? false
            return [
                "id": .string(id), "name": .string(new.name), "url": .string(new.url), "connected": .bool(isConnected),
            ]
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

    func removeGateway(_ id: String, _ runs: RunsOnRemoval, context: MessageContext) async throws {
        let storage = storage
        try await call(.manage, gateway: id, context: context) { principal in
            try principal.requireAdministrator()
            try await self.requireGateway(id)
            guard try await storage.removeGateway(id: id) else { throw Self.standsInConfiguration(id, "remove") }
            await self.willRemove(id, runs)
            await self.removeGateway(id)
        }
    }

    /// Lets the runs of a gateway end, or stops them. Returns when none is under way, or the time for that is over.
    private func willRemove(_ gateway: String, _ choice: RunsOnRemoval) async {
        if choice == .abort {
            for run in runs.values where run.upstream.gateway == gateway {
                // One that cannot be stopped is waited for, like the others.
                _ = try? await gateways.abort(
                    gateway: gateway, sessionKey: run.upstream.key, runID: run.gatewayRunID)
            }
        }
        let deadline = time.uptime + (choice == .abort ? Self.abortPatience : Self.finishPatience)
        while runs.keys.contains(where: { $0.gateway == gateway }), status(of: gateway)?.isConnected == true,
            time.uptime < deadline
        {
            guard (try? await time.sleep(for: .milliseconds(50))) != nil else { return }
        }
    }

    private func requireGateway(_ id: String) throws {
        guard status(of: id) != nil else { throw Rejection.notFound("There is no gateway “\(id)”.") }
    }

    private static func standsInConfiguration(_ id: String, _ verb: String) -> Rejection {
        Rejection(code: "conflict", message: "The gateway “\(id)” stands in config.yaml; \(verb) it there.")
    }
}
