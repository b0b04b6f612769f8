import JSON
import MiddlewareKit
import NIOCore

extension RunTable {
    /// What a terminal event says as the answer; nil when it is to be what was streamed.
    func answer(of payload: JSONValue, run: GatewayRun) -> ChatMessage? {
        guard var message = ChatMessage(json: payload["message"]), message.role != "user" else { return nil }
        message.usage = message.usage ?? Usage(json: payload["usage"])
        message.stopReason = message.stopReason ?? payload["stopReason"]?.string
        if SilentReply.isToken(message.text) { return nil }
        if message.text.trimmed.isEmpty {
            // Thinking or tool calls only: the text is what was streamed.
            if message.blocks.isEmpty && message.usage == nil { return nil }
            let streamed = run.progress.text
            message.text = SilentReply.isToken(streamed) ? "" : streamed
        }
        return message
    }

    func escaped(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeJSONEscaped(text)
        return buffer
    }

    mutating func advance(
        _ run: GatewayRun,
        snapshot: ByteBuffer?,
        delta: ByteBuffer?,
        replaces: Bool
    ) throws(ReplyProgress.Failure) -> Event? {
        // The arrays live until the end of the call, and so do the pointers into them.
        let snapshot = snapshot.map { Array($0.readableBytesView) }
        let delta = delta.map { Array($0.readableBytesView) }
        return try (snapshot ?? []).withUnsafeBufferPointer { (whole) throws(ReplyProgress.Failure) in
            try (delta ?? []).withUnsafeBufferPointer { (piece) throws(ReplyProgress.Failure) in
                try advance(
                    run,
                    snapshot: snapshot == nil ? nil : UnsafeRawBufferPointer(whole),
                    delta: delta == nil ? nil : UnsafeRawBufferPointer(piece),
                    replaces: replaces
                )
            }
        }
    }

    /// Moves a run's text on. A text beyond the limit ends the run.
    mutating func advance(
        _ run: GatewayRun,
        snapshot: UnsafeRawBufferPointer?,
        delta: UnsafeRawBufferPointer?,
        replaces: Bool
    ) throws(ReplyProgress.Failure) -> Event? {
        do {
            let increment = try run.progress.apply(snapshot: snapshot, delta: delta, replaces: replaces)
            return increment.map { Event(run: run, event: .delta($0)) }
        } catch .tooLong {
            retire(run)
            let words = "the reply is longer than \(ReplyProgress.textLimit >> 20) MiB"
            return Event(run: run, event: .failed(RunFailure(message: words, kind: "too_long")))
        }
    }

    /// The terminal event, and before it what was withheld of a reply that has no message of its own.
    mutating func finish(_ run: GatewayRun, with event: ChatEvent, keepsStreamed: Bool) -> [Event] {
        let withheld = keepsStreamed ? run.progress.release() : nil
        retire(run)
        return (withheld.map { [Event(run: run, event: .delta($0))] } ?? []) + [Event(run: run, event: event)]
    }
}
