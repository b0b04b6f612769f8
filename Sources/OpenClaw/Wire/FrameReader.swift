import CSimdjson
import JSON
import NIOCore

/// A frame of the gateway, sorted by what it costs to handle.
enum GatewayFrame {
    /// A plain piece of a reply: the streaming path.
    case delta(RawDelta)
    /// An event or an answer to look at in full.
    case document(JSONValue)
    /// An event that is of no use here, such as `agent` and `presence`. It was not parsed in full.
    case ignored(sequence: Int64?)
    /// No JSON object.
    case garbage(reason: String)
}

/// A `chat` event of state `delta`, as pointers into its frame. Valid only inside `FrameReader.read`.
struct RawDelta {
    let runID: UnsafeRawBufferPointer
    let sessionKey: UnsafeRawBufferPointer
    /// Escaped; nil when `message` yields no text.
    let snapshot: UnsafeRawBufferPointer?
    /// Escaped; nil when there is none.
    let deltaText: UnsafeRawBufferPointer?
    let replaces: Bool
    /// Of the envelope.
    let sequence: Int64?
}

enum FrameReader {
    /// Reads one frame and hands it to `body`, which must not keep the pointers of a delta.
    static func read<Result>(_ frame: ByteBuffer, _ body: (GatewayFrame) -> Result) -> Result {
        var head = sluice_frame()
        // The storage behind the readable bytes can be read too, which spares simdjson a copy; nothing is written.
        return frame.withVeryUnsafeBytes { storage in
            guard let base = storage.baseAddress, frame.readableBytes > 0 else {
                return body(.garbage(reason: "the frame is empty"))
            }
            sluice_read_frame(
                (base + frame.readerIndex).assumingMemoryBound(to: UInt8.self),
                frame.readableBytes,
                storage.count - frame.readerIndex,
                &head
            )
            switch head.kind {
            case SLUICE_FRAME_DELTA:
                return body(.delta(RawDelta(head)))
            case SLUICE_FRAME_EVENT where !isUseful(event: UnsafeRawBufferPointer(head.event)):
                return body(.ignored(sequence: head.seq < 0 ? nil : head.seq))
            default:
                return body(document(frame))
            }
        }
    }

    private static func document(_ frame: ByteBuffer) -> GatewayFrame {
        do {
            let value = try JSONValue(parsing: frame)
            return value.object == nil ? .garbage(reason: "the frame is no JSON object") : .document(value)
        } catch {
            return .garbage(reason: error.message)
        }
    }

    private static func isUseful(event: UnsafeRawBufferPointer) -> Bool {
        usefulEvents.contains { event.count == $0.utf8CodeUnitCount && $0.withUTF8Buffer(event.elementsEqual) }
    }

    private static let usefulEvents: [StaticString] = [
        "chat", "chat.side_result", "connect.challenge", "exec.approval.requested", "exec.approval.resolved",
        "session.message", "sessions.changed", "shutdown",
    ]
}

extension RawDelta {
    fileprivate init(_ head: sluice_frame) {
        runID = UnsafeRawBufferPointer(head.run_id)
        sessionKey = UnsafeRawBufferPointer(head.session_key)
        snapshot = head.text.bytes == nil ? nil : UnsafeRawBufferPointer(head.text)
        deltaText = head.delta_text.bytes == nil ? nil : UnsafeRawBufferPointer(head.delta_text)
        replaces = head.replace
        sequence = head.seq < 0 ? nil : head.seq
    }
}

extension UnsafeRawBufferPointer {
    fileprivate init(_ raw: sluice_raw_string) { self.init(start: raw.bytes, count: raw.length) }
}
