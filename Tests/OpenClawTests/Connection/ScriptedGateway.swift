import JSON
import NIOCore
import NIOPosix
import WebSocketTransport

@testable import OpenClaw

/// The simplest gateway that a connection can be tested with. Chat messages are commands to it.
final class ScriptedGateway: WebSocketDelegate {
    static let maxPayload = 4_000

    static func serve(_ body: (_ url: String) async throws -> Void) async throws {
        let server = try await WebSocketServer.bind(on: NIOSingletons.posixEventLoopGroup) { _ in
            .accept(makeDelegate: { ScriptedGateway() })
        }.get()
        do {
            try await body("ws://127.0.0.1:\(server.localPort)")
        } catch {
            try await server.shutdown().get()
            throw error
        }
        try await server.shutdown().get()
    }

    func webSocketDidOpen(_ socket: WebSocket) {
        send(["type": "event", "event": "connect.challenge", "payload": ["nonce": "n"]], on: socket)
    }

    func webSocket(_ socket: WebSocket, didReceive message: WebSocketMessage) {
        guard case .text(let bytes) = message, let frame = try? JSONValue(parsing: bytes) else { return }
        let params = frame["params"] ?? .null
        switch frame["method"]?.string {
        case "connect":
            guard params["auth"]?["token"] == "secret" else {
                let error: JSONValue = [
                    "code": "INVALID_REQUEST", "message": "no", "details": ["code": "AUTH_TOKEN_MISMATCH"],
                ]
                answer(frame, ["ok": false, "error": error], on: socket)
                return socket.close(code: 1008, reason: "no")
            }
            let policy: JSONValue = ["maxPayload": .integer(Int64(Self.maxPayload)), "tickIntervalMs": 30000]
            let defaults: JSONValue = ["defaultAgentId": "ops", "mainKey": "main", "scope": "per-sender"]
            succeed(frame, ["protocol": 4, "policy": policy, "snapshot": ["sessionDefaults": defaults]], on: socket)
        case "agents.list": succeed(frame, ["defaultId": "ops", "agents": [["id": "ops"]]], on: socket)
        case "models.list" where params["view"] != nil:
            let error: JSONValue = ["code": "INVALID_REQUEST", "message": "at root: unexpected property 'view'"]
            answer(frame, ["ok": false, "error": error], on: socket)
        case "models.list": succeed(frame, [["id": "m", "provider": "p"]], on: socket)
        case "sessions.list": succeed(frame, ["defaults": ["model": "m", "modelProvider": "p"]], on: socket)
        case "chat.abort": succeed(frame, ["ok": true, "aborted": true, "runIds": ["k"]], on: socket)
        case "chat.send": chat(frame, params, on: socket)
        case "silence": break
        default: socket.close(code: 1012, reason: "service restart")
        }
    }

    private func chat(_ frame: JSONValue, _ params: JSONValue, on socket: WebSocket) {
        let run = params["idempotencyKey"] ?? .null
        if params["message"] == "stop" {
            return succeed(frame, ["ok": true, "aborted": true, "runIds": ["a"]], on: socket)
        }
        succeed(frame, ["runId": run, "status": "started"], on: socket)
        for text in ["Hel", "Hello"] {
            let message: JSONValue = ["role": "assistant", "content": [["type": "text", "text": .string(text)]]]
            event(["runId": run, "sessionKey": "raw", "state": "delta", "message": message], on: socket)
            socket.send(text: ByteBuffer(string: "{garbage"))
            socket.send(text: ByteBuffer(bytes: [0xFF, 0xFE]))
        }
        event(["runId": run, "sessionKey": "raw", "state": "final", "message": ["text": "Hello"]], on: socket)
    }

    private func event(_ payload: JSONValue, on socket: WebSocket) {
        send(["type": "event", "event": "chat", "payload": payload], on: socket)
    }

    private func succeed(_ request: JSONValue, _ payload: JSONValue, on socket: WebSocket) {
        answer(request, ["ok": true, "error": nil, "payload": payload], on: socket)
    }

    private func answer(_ request: JSONValue, _ members: JSONValue, on socket: WebSocket) {
        var frame = members.object ?? JSONObject()
        frame["type"] = "res"
        frame["id"] = request["id"]
        send(.object(frame), on: socket)
    }

    private func send(_ frame: JSONValue, on socket: WebSocket) {
        var bytes = ByteBuffer()
        bytes.writeJSON(frame)
        socket.send(text: bytes)
        socket.flush()
    }

    func webSocketDidReadBurst(_ socket: WebSocket) {}
    func webSocketDidBecomeWritable(_ socket: WebSocket) {}
    func webSocketDidClose(_ socket: WebSocket, _ closure: WebSocketClosure) {}
}
