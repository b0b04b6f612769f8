import Foundation
import JSON
import OpenClawTesting
import Testing

/// `sluice transcript` and `sluice replay`, with the real binary.
@Suite struct ReplayCommandTests {
    private static let transcript = #"""
        {"type":"inbound","kind":"chat","gateway":"home","session":"agent:main:web","run":"r1","user":"ada","at":1767225600000,"text":"my secret"}
        {"type":"delta","gateway":"home","session":"agent:main:web","run":"r1","user":"ada","text":"I "}
        {"type":"outbound","kind":"final","gateway":"home","session":"agent:main:web","run":"r1","user":"ada","at":1767225601000,"text":"I keep secrets."}
        {"type":"inbound","kind":"chat","gateway":"home","session":"agent:main:web","run":"r2","user":"ada","at":1767225602000,"text":"again"}
        {"type":"outbound","kind":"final","gateway":"home","session":"agent:main:web","run":"r2","user":"ada","at":1767225603000,"text":"No."}

        """#

    private static func folder(_ files: [String: String]) throws -> URL {
        let folder = try SluiceProcess.makeFolder()
        for (name, text) in files { try Data(text.utf8).write(to: folder.appending(path: name)) }
        return folder
    }

    private static func configuration(_ stages: String...) -> String {
        (["pipeline:", "  - { use: auth, with: { mode: api-keys } }"] + stages.map { "  - " + $0 } + [
            "  - use: persist", "",
        ])
        .joined(separator: "\n")
    }

    @Test func itTellsWhatWouldBeDifferent() async throws {
        let folder = try Self.folder([
            "t.jsonl": Self.transcript,
            "config.yaml": Self.configuration(
                "{ use: filter, with: { words: [secret] } }",
                "{ use: rate-limit, with: { limits: [ { key: [user], requests: 1, per: 1m } ] } }",
                "{ use: filter, name: trial, mode: shadow, with: { words: [again], directions: [inbound] } }"),
        ])
        let result = try await SluiceProcess.run(["replay", "t.jsonl"], in: folder)
        #expect(result.code == 1, "\(result.errors)")
        let lines = result.output.split(separator: "\n").map { String($0) }
        #expect(lines.count == 6, "\(result.output)")
        guard lines.count == 6 else { return }
        #expect(lines[0] == #"1  chat of ada in agent:main:web: changed at 3, "secret" -> "***""#)
        #expect(lines[1].hasPrefix("4  chat of ada in agent:main:web: rejected, rate_limited: "))
        #expect(lines[1].hasSuffix(#"was: passed as "again""#))
        #expect(
            lines[2]
                == #"5  final of run r2 for ada: left out, its message went no further, was: passed as "No.""#)
        #expect(lines[3].hasPrefix("Shadow “trial”: "))
        #expect(lines[4] == "Left out: auth, persist")
        #expect(lines[5] == "5 lines: 2 the same, 3 different")
        // Nothing was opened.
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "data").path()))
    }

    @Test func nothingIsDifferent() async throws {
        let folder = try Self.folder([
            "t.jsonl": Self.transcript, "config.yaml": Self.configuration("{ use: filter, with: { words: [other] } }"),
            "old.yaml": Self.configuration("{ use: filter, with: { words: [secret] } }"),
        ])
        let same = try await SluiceProcess.run(["replay", "t.jsonl"], in: folder)
        #expect(same.code == 0 && same.output.contains("5 lines: 5 the same, 0 different"), "\(same)")
        let against = try await SluiceProcess.run(["replay", "t.jsonl", "--against", "old.yaml"], in: folder)
        #expect(against.code == 1)
        #expect(against.output.contains(#"1  chat of ada in agent:main:web: changed at 3, "***" -> "secret""#))
        #expect(against.output.contains("5 lines: 4 the same, 1 different"))
    }

    /// From the first moment that a line may have to the last one, with stages that count time.
    @Test func timeMayPassAsFarAsLinesCanSay() async throws {
        let chat = #"{"type":"inbound","kind":"chat","gateway":"home","session":"agent:main:a","user":"ada","text":"""#
        let folder = try Self.folder([
            "t.jsonl": "\(chat),\"at\":0}\n\(chat),\"at\":253402300799999}\n",
            "config.yaml": Self.configuration(
                "{ use: rate-limit, with: { limits: [ { key: [user], requests: 1, per: 1m } ] } }",
                "{ use: quota, with: { requests: 1 } }"),
        ])
        let result = try await SluiceProcess.run(["replay", "t.jsonl"], in: folder)
        #expect(result.code == 0, "\(result)")
    }

    @Test func whatCannotBeReadIsNoDifference() async throws {
        let folder = try Self.folder([
            "t.jsonl": Self.transcript, "broken.jsonl": "{}\n", "config.yaml": Self.configuration(),
            "bad.yaml": "pipeline: [ { use: nonsense } ]\n",
        ])
        let missing = try await SluiceProcess.run(["replay", "none.jsonl"], in: folder)
        #expect(missing.code == 2 && missing.errors.contains("cannot read none.jsonl: there is no such file"))
        let broken = try await SluiceProcess.run(["replay", "broken.jsonl"], in: folder)
        #expect(broken.code == 2 && broken.errors.contains("broken.jsonl:1: error: the member `type` is missing"))
        let bad = try await SluiceProcess.run(["replay", "t.jsonl", "--config", "bad.yaml"], in: folder)
        #expect(bad.code == 2 && bad.errors.contains("nonsense"))
        let nowhere = try await SluiceProcess.run(["replay", "t.jsonl", "--config", "none.yaml"], in: folder)
        #expect(nowhere.code == 2)
    }

    /// From a server's history to a report.
    @Test func whatIsStoredCanBeReplayed() async throws {
        var options = FakeGateway.Options()
        options.sleep = { _ in }
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        let folder = try SluiceProcess.makeFolder()
        let configuration = """
            server: { port: 0 }
            gateways: [ { id: home, name: Home, url: "\(await gateway.url)" } ]

            """
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        let browser = try await BrowserClient.connect(port: port)
        let hello = try await browser.next(type: "hello")
        if hello["gateways"]?[0]?["connected"] != true {
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
        }
        _ = try await browser.chat("hello world", session: "agent:main:one", key: "run-1")
        let stored = try await SluiceProcess.run(["transcript", "agent:main:one"], in: folder)
        #expect(stored.code == 0, "\(stored.errors)")
        #expect(stored.output.split(separator: "\n").count == 2, "\(stored.output)")
        #expect(stored.output.contains("\"hello world\""))
        let none = try await SluiceProcess.run(["transcript", "agent:main:two"], in: folder)
        #expect(none.code == 1 && none.errors.contains("nothing is stored of session “agent:main:two”"))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        await gateway.stop()

        try Data(stored.output.utf8).write(to: folder.appending(path: "t.jsonl"))
        let same = try await SluiceProcess.run(["replay", "t.jsonl"], in: folder)
        #expect(same.code == 0, "\(same.output) \(same.errors)")
        try Data(Self.configuration("{ use: filter, with: { words: [world] } }").utf8)
            .write(to: folder.appending(path: "new.yaml"))
        let changed = try await SluiceProcess.run(["replay", "t.jsonl", "--config", "new.yaml"], in: folder)
        #expect(changed.code == 1)
        #expect(changed.output.contains(#""world" -> "***""#), "\(changed.output)")
    }
}
