import JSON
import NIOCore
import WebSocketTransport

/// Chat events, and what goes wrong between them.
extension FakeGateway {
    func sendChatEvent(_ payload: JSONValue, to id: Int) {
        if connections[id]?.chatEvents == 0 { interruptWhenDue(id) }
        sendEvent("chat", payload, to: id)
        let isDelta = payload["state"]?.string == "delta"
        if faults.contains(isDelta ? .duplicateDeltas : .duplicateTerminals) { sendEvent("chat", payload, to: id) }
        connections[id]?.chatEvents += 1
        interruptWhenDue(id)
    }

    private func interruptWhenDue(_ id: Int) {
        guard let sent = connections[id]?.chatEvents else { return }
        let due = faults.filter { fault in
            if case .interrupt(_, let count) = fault { count == sent } else { false }
        }
        for case .interrupt(let interruption, _) in due {
            faults.removeAll { $0 == .interrupt(interruption, afterChatEvents: sent) }
            commit(interruption, on: id)
        }
    }

    func commit(_ interruption: Interruption, on id: Int) {
        guard let connection = connections[id] else { return }
        switch interruption {
        case .cut:
            cut(id)
        case .halfFrame:
            connection.channel.writeAndFlush(BrokenFrame.half, promise: nil)
            cut(id)
        case .close(let code, let reason):
            connection.socket.close(code: code, reason: reason)
        case .freeze:
            connection.socket.pauseReading()
            connections[id]?.isFrozen = true
        case .malformedJSON:
            send(ByteBuffer(string: #"{"type":"event","event":"chat","payload":{"#), to: id)
        case .binaryFrame:
            connection.channel.writeAndFlush(BrokenFrame.binary, promise: nil)
        case .oversizeFrame(let bytes):
            let empty = #"{"type":"event","event":"padding","payload":{"padding":""}}"#
            let padding = String(repeating: "x", count: max(0, bytes - empty.utf8.count))
            send(ByteBuffer(string: empty.replacing(#""}}"#, with: padding + #""}}"#)), to: id)
        case .badUTF8:
            connection.channel.writeAndFlush(BrokenFrame.notUTF8, promise: nil)
        case .eventOfUnknownRun:
            let message = ReplyMessage(text: "Nobody asked.").json(timestamp: now)
            let payload: JSONValue = [
                "runId": "unknown-run", "sessionKey": .string(keys.canonical("unknown-session")), "seq": 0,
                "state": "final", "message": message,
            ]
            sendEvent("chat", payload, to: id)
        }
    }

    /// Ends the TCP connection without a Close frame.
    func cut(_ id: Int) {
        connections[id]?.channel.close(promise: nil)
        connections[id] = nil
    }
}
