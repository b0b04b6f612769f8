import JSON
import NIOCore
import Tracing

/// The body of an export, in OTLP's JSON (opentelemetry.io, "OTLP Specification", JSON Protobuf Encoding: ids in hexadecimal, enums
/// as numbers, 64-bit integers as strings).
enum OTLPRequest {
    static func body(_ spans: [OTLPSpan.Record], service: String, version: String) -> ByteBuffer {
        let resource: [(String, SpanAttribute)] = [
            ("service.name", .string(service)), ("service.version", .string(version)),
        ]
        var body = ByteBuffer()
        body.writeJSON([
            "resourceSpans": [
                [
                    "resource": ["attributes": .array(resource.compactMap(attribute))],
                    "scopeSpans": [
                        [
                            "scope": ["name": "sluice", "version": .string(version)],
                            "spans": .array(spans.map(json)),
                        ]
                    ],
                ]
            ]
        ])
        return body
    }

    private static func json(_ span: OTLPSpan.Record) -> JSONValue {
        var object: JSONObject = [
            "traceId": .string(span.identity.traceID),
            "spanId": .string(span.identity.spanID),
            "name": .string(span.name),
            "kind": .integer(number(span.kind)),
            "startTimeUnixNano": .string("\(span.start)"),
            "endTimeUnixNano": .string("\(span.end ?? span.start)"),
            "attributes": .array(attributes(span.attributes)),
        ]
        object["parentSpanId"] = span.parent.map { .string($0.spanID) }
        if !span.events.isEmpty {
            object["events"] = .array(
                span.events.map { event in
                    [
                        "name": .string(event.name), "timeUnixNano": .string("\(event.nanosecondsSinceEpoch)"),
                        "attributes": .array(attributes(event.attributes)),
                    ]
                })
        }
        if let status = span.status {
            var told: JSONObject = ["code": .integer(status.code == .ok ? 1 : 2)]
            told["message"] = status.message.map { .string($0) }
            object["status"] = .object(told)
        }
        return .object(object)
    }

    private static func number(_ kind: SpanKind) -> Int64 {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    private static func attributes(_ attributes: SpanAttributes) -> [JSONValue] {
        var list: [(String, SpanAttribute)] = []
        attributes.forEach { list.append(($0, $1)) }
        return list.sorted { $0.0 < $1.0 }.compactMap(attribute)
    }

    /// Texts, numbers and truth values, which is all that this server tells; lists are left out.
    private static func attribute(_ key: String, _ value: SpanAttribute) -> JSONValue? {
        let told: JSONValue
        switch value {
        case .string(let text): told = ["stringValue": .string(text)]
        case .int32(let number): told = ["intValue": .string("\(number)")]
        case .int64(let number): told = ["intValue": .string("\(number)")]
        case .double(let number): told = ["doubleValue": .number(number)]
        case .bool(let isTrue): told = ["boolValue": .bool(isTrue)]
        default: return nil
        }
        return ["key": .string(key), "value": told]
    }
}
