import Foundation
import JSON
import MiddlewareKit
import OpenClaw
import Testing

/// A file of frames that were recorded from a running gateway, one JSON object a line.
struct Recording {
    struct Line {
        let isIncoming: Bool
        let frame: JSONValue
        /// The frame as it stood in the file.
        let text: String
    }

    let lines: [Line]

    static let names = [
        "abort", "bad-token", "chat-basic", "concurrent", "empty-reply", "gateway-shutdown", "handshake", "model-error",
        "no-device-identity", "no-token", "plain-session-key", "protocol-mismatch", "protocol-range", "slash-command",
        "ticks", "tool-call", "two-clients.A", "two-clients.B",
    ]

    static func text(_ name: String) throws -> String {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "jsonl", subdirectory: "Fixtures"))
        return try String(contentsOf: url, encoding: .utf8)
    }

    init(_ name: String) throws {
        lines = try Self.text(name).split(separator: "\n").map { line in
            let value = try JSONValue(parsing: String(line))
            let frame = try #require(value["frame"])
            return Line(isIncoming: value["dir"]?.string == "in", frame: frame, text: frame.encoded())
        }
    }
}

/// Time as a test moves it.
struct TestTime {
    private(set) var now = Moment(wall: Timestamp(milliseconds: 1_737_264_000_000), uptime: .seconds(100))

    mutating func advance(_ duration: Duration) {
        now.uptime += duration
        now.wall.milliseconds += Int64(duration / .milliseconds(1))
    }
}

enum TestIdentity {
    /// Seed bytes 00 01 … 1f, as in the protocol's test vector.
    static func make() throws -> DeviceIdentity { try DeviceIdentity(seed: Array(0..<32)) }
}
