import InMemoryLogging
import Logging
import MiddlewareTesting
import Testing

@testable import Stages

@Suite struct ProgramLogTests {
    private let handler = InMemoryLogHandler()
    private let time = ManualTime()

    private func said(_ secrets: [String] = [], _ body: (inout ProgramLog) -> Void) -> [String] {
        var log = ProgramLog(secrets: secrets, time: time, logger: Logger(label: "test") { _ in handler })
        body(&log)
        log.finish()
        return handler.entries.map(\.message.description)
    }

    @Test func noPartOfASecretIsShown() {
        let key = "-----BEGIN KEY-----\nQUJDRA==\n-----END KEY-----"
        let lines = said(["abc", "abcdef", "0123456789", key]) { log in
            log.add("\(String(repeating: "x", count: 995))0123456789 and more\n".utf8)
            log.add("\(String(repeating: "x", count: 1040))0123456789\(String(repeating: "y", count: 100))\n".utf8)
            log.add("abcdef\nQUJDRA==\n".utf8)
        }
        #expect(!lines.contains { $0.contains("01") || $0.contains("def") || $0.contains("QUJD") })
        #expect(lines.count == 4 && lines.allSatisfy { $0.count <= 1000 + "the program says: ".count })
    }

    @Test func linesComeWholeHoweverTheyAreCut() {
        let lines = said { log in
            log.add("one\ntw".utf8)
            log.add("o\n\nthr".utf8)
            log.add("ee".utf8)
        }
        #expect(lines == ["the program says: one", "the program says: two", "the program says: three"])
    }

    @Test func secretsAreHidden() {
        #expect(said(["hunter2", ""]) { $0.add("key hunter2!\n".utf8) } == ["the program says: key <redacted>!"])
    }

    @Test func longLinesAreCut() {
        let lines = said { $0.add((String(repeating: "x", count: 5000) + "\nshort\n").utf8) }
        #expect(lines.map(\.count) == [ProgramLog.maxLine + 18, 23])
    }

    @Test func aFloodIsCounted() {
        let lines = said { log in
            for _ in 1...25 { log.add("again\n".utf8) }
            time.advance(by: .seconds(1))
            log.add("later\n".utf8)
        }
        #expect(lines.count == 22)
        #expect(
            lines.suffix(2) == ["the program said 5 lines more, which are left out here", "the program says: later"])
    }
}
