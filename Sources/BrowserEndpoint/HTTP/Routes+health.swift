import Hummingbird
import JSON
import NIOCore
import OpenClaw
import PipelineEngine
import Storage

extension Routes {
    func addHealth(to router: Router<CallContext>) {
        router.get("health") { _, _ in Response(json: ["status": "ok"]) }
        router.get("healthz") { _, _ in Response(json: ["status": "ok"]) }
        let hub = hub
        router.get("readyz") { _, _ in
            let readiness = await hub.readiness()
            return Response(readiness.isReady ? .ok : .serviceUnavailable, json: readiness.json)
        }
        router.get("openapi.json") { _, _ in Response(jsonBytes: ByteBuffer(bytes: OpenAPI.document)) }
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

    var json: JSONValue {
        [
            "status": .string(isReady ? "ready" : isDraining ? "draining" : "not ready"),
            "storage": .string(storage),
            "pipeline": .array(stages.map { .string($0) }),
            "gateways": .array(gateways),
        ]
    }
}

extension BrowserHub {
    func readiness() async -> Readiness {
        var storageState = "ok"
        do {
            try await storage.checkHealth()
        } catch {
            storageState = "\(error)"
        }
        let states = await gateways.statuses.map { configuration, status -> JSONValue in
            var object: JSONObject = ["id": .string(configuration.id)]
            object.add(status)
            return .object(object)
        }
        return Readiness(
            storage: storageState, stages: chains.standard.stages.map(\.name), gateways: states, isDraining: isDraining)
    }
}
