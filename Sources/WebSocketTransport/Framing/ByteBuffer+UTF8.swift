import NIOCore

extension ByteBuffer {
    /// Whether the readable bytes are UTF-8. Copies nothing where the standard library can check in place, which also
    /// has a fast path for ASCII.
    var isValidUTF8: Bool {
        guard #available(macOS 26, *) else { return String(validating: readableBytesView, as: UTF8.self) != nil }
        do {
            _ = try UTF8Span(validating: readableBytesUInt8Span)
            return true
        } catch {
            return false
        }
    }
}
