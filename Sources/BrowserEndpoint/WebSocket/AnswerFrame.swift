import JSON
import MiddlewareKit
import NIOCore
import OpenClaw
import WebSocketTransport

/// What one browser is told about its own request or connection.
enum AnswerFrame {
    case hello(connectionID: String, user: String, gateways: [JSONValue], limits: JSONValue)
    /// `/ws/chat`: the gateway's metadata; `isNew` is false when the gateway came back.
    case connected(GatewayMetadata?, isNew: Bool)
    case result(id: JSONValue?, payload: ByteBuffer)
    /// `/ws/chat`: a page of history, as the array of messages.
    case history(ByteBuffer)
    case error(id: JSONValue?, Rejection, sessionKey: String?, runID: String?)
    case pong(id: JSONValue?)
    case gateway(id: String, GatewayStatus)
    /// - Parameter sessionKey: As the browser spells it.
    case approval(PendingApproval, state: String, by: String?, sessionKey: String?)
    case configuration(generation: Int, problem: String?)

    /// The frame in a browser's protocol; nil when that has none for it.
    func encode(for dialect: Dialect) -> EncodedFrame? {
        switch (self, dialect) {
        case (.hello(let connectionID, let user, let gateways, let limits), .native):
            return json([
                "type": "hello", "protocol": 1, "connectionId": .string(connectionID), "user": .string(user),
                "gateways": .array(gateways), "limits": limits,
            ])
        case (.connected(let metadata, let isNew), .chat):
            return json([
                "type": isNew ? "connected" : "reconnected",
                "agents": .array(metadata?.agentRows ?? []),
                "models": .array(metadata?.modelRows ?? []),
                "defaultModel": metadata?.defaultModel.map { .string($0) } ?? .null,
            ])
        case (.result(let id, let payload), .native):
            return EncodedFrame { buffer in
                buffer.writeStaticString("{\"type\":\"result\"")
                if let id {
                    buffer.writeStaticString(",\"id\":")
                    buffer.writeJSON(id)
                }
                buffer.writeStaticString(",\"payload\":")
                buffer.writeImmutableBuffer(payload)
                buffer.writeStaticString("}")
            }
        case (.history(let messages), .chat):
            return EncodedFrame { buffer in
                buffer.writeStaticString("{\"type\":\"history\",\"messages\":")
                buffer.writeImmutableBuffer(messages)
                buffer.writeStaticString("}")
            }
        case (.error(let id, let rejection, let sessionKey, let runID), .native):
            var frame: JSONObject = [
                "type": "error", "code": .string(rejection.code), "message": .string(rejection.message),
            ]
            frame["id"] = id
            frame["retryAfterMs"] = rejection.retryAfterMs.map { .integer(Int64($0)) }
            frame["sessionKey"] = sessionKey.map { .string($0) }
            frame["runId"] = runID.map { .string($0) }
            return json(.object(frame))
        case (.error(_, let rejection, _, _), .chat):
            return json(["type": "error", "error": .string(rejection.message)])
        case (.pong(let id), _):
            var frame: JSONObject = ["type": "pong"]
            frame["id"] = id
            return json(.object(frame))
        case (.gateway(let id, let status), .native):
            var frame: JSONObject = ["type": "gateway", "gateway": .string(id)]
            frame.add(status)
            return json(.object(frame))
        case (.approval(let pending, let state, let name, let sessionKey), .native):
            var frame = pending.json(sessionKey: sessionKey)
            frame["type"] = "approval"
            frame["state"] = .string(state)
            frame["by"] = name.map { .string($0) }
            return json(.object(frame))
        case (.configuration(let generation, let problem), .native):
            return json([
                "type": "configuration", "generation": .integer(Int64(generation)),
                "problem": problem.map { .string($0) } ?? .null,
            ])
        default:
            return nil
        }
    }

    private func json(_ value: JSONValue) -> EncodedFrame {
        EncodedFrame { $0.writeJSON(value) }
    }
}
