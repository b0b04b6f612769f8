import JSON
import MiddlewareKit
import NIOCore
import PipelineEngine
import Storage
import WebSocketTransport

/// What is told to the watchers of a session about a run.
enum EventFrame {
    /// The gateway is about to get the user's message.
    case accepted(String, Timestamp)
    case delta(TextChange)
    /// The event as it left the chain.
    case whole(OutboundEvent)
    /// The run ended without an answer to show.
    case failed(code: String, message: String, Timestamp)
    /// How full the model's context is after an answer; only `/ws/chat` has a frame for it.
    case contextUse(tokens: Int, limit: Int)
}

extension Audience {
    /// The frame for this audience; nil when its protocol has none for the event.
    func encode(_ frame: EventFrame, of run: LiveRun) -> EncodedFrame? {
        switch (dialect, frame) {
        case (.native, .contextUse): nil
        case (.native, _): EncodedFrame { encodeNative(frame, of: run, into: &$0) }
        case (.chat, _): encodeChat(frame, of: run)
        }
    }

    // MARK: /ws

    private func encodeNative(_ frame: EventFrame, of run: LiveRun, into buffer: inout ByteBuffer) {
        switch frame {
        case .contextUse:
            break
        case .delta(let change):
            writeDelta(change, of: run, into: &buffer)
        case .accepted(let text, let timestamp):
            writeHead("accepted", of: run, into: &buffer)
            writeUserMessage(text, timestamp, into: &buffer)
        case .whole(let event) where event.kind == .status:
            writeHead("status", of: run, into: &buffer)
            buffer.writeStaticString(",\"phase\":")
            buffer.writeJSONString(event.detail ?? "")
            buffer.writeStaticString("}")
        case .whole(let event) where event.kind == .message:
            writeHead("message", of: run, into: &buffer)
            writeUserMessage(event.text, event.timestamp, into: &buffer)
        case .whole(let event):
            writeHead(event.kind.rawValue, of: run, into: &buffer)
            if event.kind == .error {
                writeError(
                    code: event.errorKind ?? "run_failed", message: event.detail ?? "The run failed.", into: &buffer)
            }
            writeAnswer(event.text, event.blocks, event.timestamp, of: run, into: &buffer)
            if let usage = event.usage {
                buffer.writeStaticString(",\"usage\":")
                buffer.writeJSON(usage.json)
            }
            if let stopReason = event.stopReason {
                buffer.writeStaticString(",\"stopReason\":")
                buffer.writeJSONString(stopReason)
            }
            buffer.writeStaticString("}")
        case .failed(let code, let message, let timestamp):
            writeHead("error", of: run, into: &buffer)
            writeError(code: code, message: message, into: &buffer)
            // What the browsers were given: the rest got no further.
            writeAnswer(run.visibleText, [], timestamp, of: run, into: &buffer)
            buffer.writeStaticString("}")
        }
    }

    private func writeUserMessage(_ text: String, _ timestamp: Timestamp, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":")
        buffer.writeJSONString(text)
        buffer.writeString("}],\"timestamp\":\(timestamp.milliseconds)}}")
    }

    private func writeAnswer(
        _ text: String, _ blocks: [ContentBlock], _ timestamp: Timestamp, of run: LiveRun, into buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString(",\"message\":{\"id\":")
        buffer.writeJSONString(run.run.id)
        buffer.writeStaticString(",\"role\":\"assistant\",\"content\":")
        buffer.writeContent(text: text, blocks: blocks)
        buffer.writeString(",\"timestamp\":\(timestamp.milliseconds)}")
    }

    private func writeError(code: String, message: String, into buffer: inout ByteBuffer) {
        buffer.writeStaticString(",\"error\":{\"code\":")
        buffer.writeJSONString(code)
        buffer.writeStaticString(",\"message\":")
        buffer.writeJSONString(message)
        buffer.writeStaticString("}")
    }

    private func writeHead(_ state: String, of run: LiveRun, into buffer: inout ByteBuffer) {
        buffer.writeString("{\"type\":\"chat\",\"state\":\"\(state)\",\"gateway\":")
        buffer.writeJSONString(gateway)
        buffer.writeStaticString(",\"sessionKey\":")
        buffer.writeJSONString(spelling)
        buffer.writeStaticString(",\"runId\":")
        buffer.writeJSONString(run.run.id)
        buffer.writeString(",\"seq\":\(run.sequence)")
    }

    /// The frame that is written most; its head is the same for all deltas of a run.
    private func writeDelta(_ change: TextChange, of run: LiveRun, into buffer: inout ByteBuffer) {
        if deltaHead?.runID != run.run.id {
            var head = ByteBuffer()
            head.writeStaticString("{\"type\":\"chat\",\"state\":\"delta\",\"gateway\":")
            head.writeJSONString(gateway)
            head.writeStaticString(",\"sessionKey\":")
            head.writeJSONString(spelling)
            head.writeStaticString(",\"runId\":")
            head.writeJSONString(run.run.id)
            head.writeStaticString(",\"seq\":")
            deltaHead = (run.run.id, head)
        }
        if let head = deltaHead?.bytes { buffer.writeImmutableBuffer(head) }
        buffer.writeString("\(run.sequence)")
        switch change {
        case .append(let text):
            buffer.writeStaticString(",\"text\":")
            buffer.writeJSONString(text)
        case .replace(let text):
            buffer.writeStaticString(",\"replace\":true,\"text\":")
            buffer.writeJSONString(text)
        }
        buffer.writeStaticString("}")
    }

    // MARK: /ws/chat/{gateway}

    private func encodeChat(_ frame: EventFrame, of run: LiveRun) -> EncodedFrame? {
        switch frame {
        case .accepted: nil
        case .whole(let event) where event.kind == .status || event.kind == .message: nil
        case .delta: EncodedFrame { writeStream("delta", text: run.visibleText, blocks: [], into: &$0) { _ in } }
        case .whole(let event) where event.kind == .error:
            EncodedFrame { writeStreamError(event.detail ?? "The run failed.", into: &$0) }
        case .whole(let event):
            // An aborted run ends with a final that holds what was said.
            EncodedFrame {
                writeStream("final", text: event.text, blocks: event.blocks, into: &$0) { buffer in
                    guard let usage = event.usage else { return }
                    buffer.writeStaticString(",\"usage\":")
                    buffer.writeJSON(usage.json)
                }
            }
        case .failed(_, let message, _):
            EncodedFrame { writeStreamError(message, into: &$0) }
        case .contextUse(let tokens, let limit):
            EncodedFrame { buffer in
                buffer.writeJSON([
                    "type": "session_status",
                    "status": [
                        "contextTokens": .integer(Int64(tokens)), "maxTokens": .integer(Int64(limit)),
                        "percentUsed": .integer(Int64(tokens * 100 / limit)),
                    ],
                ])
            }
        }
    }

    private func writeStreamError(_ message: String, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("{\"type\":\"stream\",\"state\":\"error\",\"error\":")
        buffer.writeJSONString(message)
        buffer.writeStaticString("}")
    }

    private func writeStream(
        _ state: String, text: String, blocks: [ContentBlock], into buffer: inout ByteBuffer,
        _ writeRest: (inout ByteBuffer) -> Void
    ) {
        buffer.writeString("{\"type\":\"stream\",\"state\":\"\(state)\",\"content\":")
        buffer.writeContent(text: text, blocks: blocks)
        buffer.writeStaticString(",\"text\":")
        buffer.writeJSONString(text)
        writeRest(&buffer)
        buffer.writeStaticString("}")
    }
}
