import NIOCore

/// Close codes (RFC 6455 section 7.4) and the payload of Close frames (section 5.5.1).
enum CloseCode {
    static let protocolError: UInt16 = 1002
    static let invalidPayload: UInt16 = 1007
    static let tooLarge: UInt16 = 1009

    /// What a peer may send: the defined codes, and the ranges for libraries and applications. 1004, 1005, 1006 and
    /// 1015 must never be on the wire.
    static func isValid(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    static func parse(_ payload: ByteBuffer) throws(ProtocolViolation) -> (code: UInt16?, reason: String) {
        if payload.readableBytes == 0 { return (nil, "") }
        var reason = payload
        guard let code = reason.readInteger(as: UInt16.self) else { throw .protocolError("close code of one byte") }
        guard isValid(code) else { throw .protocolError("close code \(code)") }
        guard reason.isValidUTF8 else { throw .notUTF8 }
        return (code, String(buffer: reason))
    }

    /// The payload for a code and a reason, which is cut at a character so that it fits a control frame.
    static func payload(code: UInt16?, reason: String) -> ByteBuffer {
        guard let code else { return ByteBuffer() }
        var reason = Substring(reason)
        while reason.utf8.count > 123 { reason.removeLast() }
        var payload = ByteBuffer(integer: code)
        payload.writeSubstring(reason)
        return payload
    }
}
