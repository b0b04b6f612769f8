import JSON
import Logging
import NIOCore
import Testing

@testable import SluiceServer

@Suite struct LogLineTests {
    private static let time = "2026-01-02T03:04:05.678Z"

    @Test func aLineForPeople() {
        let line = LogLine.text(
            time: Self.time, level: .warning, message: "slow", metadata: ["b": "2", "a": "1"])
        #expect(line == "03:04:05.678 warning  slow  (a: 1, b: 2)")
        let short = LogLine.text(time: Self.time, level: .info, message: "stopped", metadata: [:])
        #expect(short == "03:04:05.678 info     stopped")
    }

    /// What others wrote can neither draw on the terminal nor look like another entry.
    @Test func controlCharactersAreShownNotSent() {
        let line = LogLine.text(
            time: Self.time, level: .error, message: "a\n03:04:05.678 info fake\u{1B}[2J", metadata: ["k": "x\r\ny"])
        #expect(!line.unicodeScalars.contains { $0.properties.generalCategory == .control })
        #expect(line.contains(#"a\n03:04:05.678 info fake\u001b[2J"#))
        #expect(line.contains(#"(k: x\r\ny)"#))
    }

    @Test func aLineForPrograms() throws {
        let line = LogLine.json(
            time: Self.time, level: .notice, label: "sluice", message: "a\n\"b\"",
            metadata: ["stage": "persist", "level": "mine"])
        #expect(!line.contains("\n"))
        let json = try JSONValue(parsing: ByteBuffer(string: line))
        let expected: JSONValue = [
            "time": .string(Self.time), "level": "notice", "logger": "sluice", "message": "a\n\"b\"",
            "stage": "persist",
        ]
        #expect(json == expected)
    }
}
