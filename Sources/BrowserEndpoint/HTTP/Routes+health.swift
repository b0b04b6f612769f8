import Hummingbird
import JSON
import MiddlewareKit
import NIOCore
import OpenClaw
import PipelineEngine
import Storage

extension Routes {
    func addHealth(to router: Router<CallContext>) {
        router.get("health") { _, _ in Response(json: ["status": "ok"]) }
        router.get("healthz") { _, _ in Response(json: ["status": "ok"]) }
        let hub = hub
        router.get("readyz") { request, call in
            let caller = await hub.caller(request, call)
            let readiness = await hub.readiness(for: caller)
            return Response(
                readiness.isReady ? .ok : .serviceUnavailable,
                json: caller == nil ? readiness.bareJSON : readiness.json)
        }
        router.get("openapi.json") { request, call in
            let context = await hub.context(of: request, call)
            try await hub.call(.connect, gateway: "", context: context) { _ in }
            return Response(jsonBytes: ByteBuffer(bytes: OpenAPI.document))
        }
        for path: RouterPath in ["ws", "ws/chat/{gateway}"] {
            router.get(path) { _, _ -> Response in
                throw Rejection(
                    code: "upgrade_required",
                    message: "A WebSocket is opened here. If a browser tried that, a proxy on the way does not pass on "
                        + "the headers Upgrade and Connection.")
            }
        }
    }
}

/// Whether the server can do its work, and which gateways it can reach.
struct Readiness: Sendable {
    let storage: String
    let stages: [String]
    let gateways: [JSONValue]
    let isDraining: Bool

    /// A gateway that is away does not make the server unready: it would take the history away too.
    var isReady: Bool { storage == "ok" && !isDraining }

    private var status: JSONValue { .string(isReady ? "ready" : isDraining ? "draining" : "not ready") }

    /// For strangers: nothing of what went wrong, nor where.
    var bareJSON: JSONValue {
        let known = gateways.map { gateway -> JSONValue in
            ["id": gateway["id"] ?? .null, "connected": gateway["connected"] ?? .null]
        }
        return ["status": status, "gateways": .array(known)]
    }

    var json: JSONValue {
        [
            "status": status,
            "storage": .string(storage),
            "pipeline": .array(stages.map { .string($0) }),
            "gateways": .array(gateways),
        ]
    }
}

extension BrowserHub {
    /// Who calls; nil: one who would not be let in.
    nonisolated fileprivate func caller(_ request: Request, _ call: CallContext) async -> Principal? {
        let context = await context(of: request, call)
        guard context.credential != nil else { return await isOpenToAll() ? .anonymous : nil }
        return try? await self.call(.connect, gateway: "", context: context) { $0 }
    }

    func readiness(for principal: Principal?) async -> Readiness {
        var storageState = "ok"
        do {
            try await storage.checkHealth()
        } catch {
            storageState = "\(error)"
        }
        let states = await gateways.statuses.map { configuration, status -> JSONValue in
            var object: JSONObject = ["id": .string(configuration.id)]
            object.add(status.told(to: principal, of: configuration.id))
            return .object(object)
        }
        return Readiness(
            storage: storageState, stages: chains.standard.stages.map(\.name), gateways: states, isDraining: isDraining)
    }
}
