import JSON
import NIOCore
import WebSocketTransport

/// Frames in both directions.
extension FakeGateway {
    /// OpenClaw protocol: the largest frame before `hello-ok`.
    private static let maxBytesBeforeHello = 64 << 10
    private static let maxRequests = 1000

    var now: JSONValue { .integer(options.now()) }

    func didReceive(_ message: WebSocketMessage, from id: Int) {
        guard let connection = connections[id], !connection.isFrozen else { return }
        guard case .text(let bytes) = message else {
            return connection.socket.close(code: 1003, reason: "text frames only")
        }
        guard connection.isReady || bytes.readableBytes <= Self.maxBytesBeforeHello else {
            return connection.socket.close(code: 1009, reason: "frame is too large before connect")
        }
        let request: RequestFrame
        let frame = (try? JSONValue(parsing: bytes)) ?? .null
        do {
            request = try RequestFrame(frame)
        } catch {
            respond(to: frame["id"]?.string ?? "invalid", error, on: id)
            if !connection.isReady { connection.socket.close(code: 1008, reason: "invalid request frame") }
            return
        }
        let recorded = RecordedRequest(
            connection: id,
            id: request.id,
            method: request.method,
            parameters: request.parameters
        )
        if requests.count == Self.maxRequests { requests.removeFirst() }
        requests.append(recorded)
        if connection.isReady {
            answer(request, from: id)
        } else {
            handshake(request, from: id)
        }
        // Last, so that a test that waited for the request finds it answered.
        receivedRequests.deliver(recorded)
    }

    func respond(to request: String, _ payload: JSONValue, on id: Int) {
        if lostAnswers.remove(request) != nil { return commit(.cut, on: id) }
        var frame: JSONObject = ["type": "res", "id": .string(request), "ok": true, "payload": payload]
        if faults.contains(.looseDialect) { frame["error"] = .null }
        send(.object(frame), to: id)
    }

    /// - Parameter payload: Some errors carry one as well.
    func respond(to request: String, _ error: GatewayRefusal, payload: JSONValue? = nil, on id: Int) {
        lostAnswers.remove(request)
        var frame: JSONObject = ["type": "res", "id": .string(request), "ok": false]
        frame["payload"] = payload
        frame["error"] = error.json
        send(.object(frame), to: id)
    }

    /// Sends an event to all connections that may see it.
    ///
    /// - Parameter scope: nil: everybody may. Protocol 3 does not ask for scopes.
    func broadcast(_ event: String, _ payload: JSONValue, scope: String? = nil) {
        broadcastSeq += 1
        for id in readyConnections {
            guard let admission = connections[id]?.admission else { continue }
            if let scope, options.protocolVersion == .v4, !admission.allows(scope) { continue }
            if event == "chat" {
                sendChatEvent(payload, to: id)
            } else {
                sendEvent(event, payload, to: id)
            }
        }
    }

    var readyConnections: [Int] { connections.filter(\.value.isReady).keys.sorted() }

    /// - Parameter isCounted: Whether the event carries a sequence number.
    func sendEvent(_ event: String, _ payload: JSONValue, to id: Int, isCounted: Bool = true) {
        var frame: JSONObject = ["type": "event", "event": .string(event), "payload": payload]
        if isCounted {
            connections[id]?.seq += 1
            let seq = options.protocolVersion == .v4 ? connections[id]?.seq ?? 0 : broadcastSeq
            frame["seq"] = faults.contains(.looseDialect) ? .null : .integer(Int64(seq))
        }
        // Without a challenge there is no connection on which anything could be lost.
        if faults.contains(.loseEvents), event != "connect.challenge" { return }
        send(.object(frame), to: id)
    }

    func send(_ frame: JSONValue, to id: Int) {
        var text = ByteBuffer()
        text.writeJSON(frame)
        send(text, to: id)
    }

    func send(_ text: ByteBuffer, to id: Int) {
        guard let connection = connections[id], !connection.isFrozen else { return }
        for case .fragmentMessages(let pieceBytes) in faults {
            return connection.channel.writeAndFlush(
                BrokenFrame.fragments(of: text, pieceBytes: pieceBytes),
                promise: nil
            )
        }
        connection.socket.send(text: text)
        connection.socket.flush()
    }
}
