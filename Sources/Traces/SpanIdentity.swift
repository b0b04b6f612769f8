import Tracing

/// Which span, of which trace, as W3C's Trace Context has it.
struct SpanIdentity: Sendable, Hashable {
    let traceHigh: UInt64
    let traceLow: UInt64
    let span: UInt64

    /// A span of the same trace, or the first one of a new trace.
    init(childOf parent: SpanIdentity?) {
        traceHigh = parent?.traceHigh ?? .random(in: 1 ... .max)
        traceLow = parent?.traceLow ?? .random(in: 1 ... .max)
        span = .random(in: 1 ... .max)
    }

    /// Reads a `traceparent` header of version 00; nil when it is not one.
    init?(traceparent: String) {
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false)
        let isHex = parts.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) } }
        guard parts.map(\.count) == [2, 32, 16, 2], isHex, parts[0] == "00",
            let high = UInt64(parts[1].prefix(16), radix: 16), let low = UInt64(parts[1].suffix(16), radix: 16),
            let span = UInt64(parts[2], radix: 16), span != 0, high != 0 || low != 0
        else { return nil }
        (traceHigh, traceLow, self.span) = (high, low, span)
    }

    var traceID: String { Self.hex(traceHigh) + Self.hex(traceLow) }
    var spanID: String { Self.hex(span) }
    var traceparent: String { "00-\(traceID)-\(spanID)-01" }

    private static func hex(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

private enum SpanIdentityKey: InstrumentationContextKey {
    typealias Value = SpanIdentity
    static var nameOverride: String? { "sluice.span" }
}

extension InstrumentationContext {
    var span: SpanIdentity? {
        get { self[SpanIdentityKey.self] }
        set { self[SpanIdentityKey.self] = newValue }
    }
}
