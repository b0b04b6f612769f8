import BrowserEndpoint
import JSON
import MiddlewareTesting
import NIOCore
import OpenClawTesting
import Stages
import Storage
import Testing

/// Searching, taking sessions along as files, and paging through the list of sessions.
@Suite(.timeLimit(.minutes(1))) struct SearchRoutesTests {
    private static let sessions = "/api/gateways/home/sessions"

    private static func withKeys(
        _ body: (Rig, _ ada: [(String, String)], _ bob: [(String, String)]) async throws -> Void
    )
        async throws
    {
        var options = Rig.Options()
        options.auth = .apiKeys
        options.gateway.reply = EchoReply()
        try await Rig.run(options) { rig in
            var bearers: [[(String, String)]] = []
            for user in ["ada", "bob"] {
                let key = try await rig.database.createKey(user: user, isAdministrator: false).text
                bearers.append([("Authorization", "Bearer \(key)")])
            }
            let ada = try await rig.browser(headers: bearers[0])
            for (number, text) in ["A blue sea", "A *green* field"].enumerated() {
                ada.chat(text, in: "s", run: "r\(number)")
                _ = try await ada.turn("r\(number)")
            }
            try await body(rig, bearers[0], bearers[1])
        }
    }

    @Test func whatWasSaidIsFoundByThoseWhoMaySeeIt() async throws {
        try await Self.withKeys { rig, ada, bob in
            let found = try await rig.http("GET", "/api/search?q=BLUE%20sea", headers: ada).json
            #expect(found["results"]?.array?.map { $0["excerpt"]?.string } == ["Echo: A blue sea", "A blue sea"])
            #expect(found["results"]?[0]?["session_key"] == "agent:main:s")
            #expect(found["results"]?[0]?["role"] == "assistant")
            #expect(found["before"] == .null)
            let page = try await rig.http("GET", "/api/search?q=blue&limit=1", headers: ada).json
            let before = try #require(page["before"]?.int)
            let rest = try await rig.http("GET", "/api/search?q=blue&limit=1&before=\(before)", headers: ada).json
            #expect(rest["results"]?.array?.map { $0["role"]?.string } == ["user"])
            #expect(try await rig.http("GET", "/api/search?q=blue", headers: bob).json["results"] == [])
            #expect(try await rig.http("GET", "/api/search?q=blue").status == 401)
            for query in ["", "?q=", "?q=%20", "?q=\(String(repeating: "x", count: 201))", "?q=x&limit=0"] {
                let answer = try await rig.http("GET", "/api/search\(query)", headers: ada)
                #expect(answer.errorCode == "bad_request", "\(query.prefix(20))")
            }
            let unknown = try await rig.http("GET", "/api/search?q=x&gateway=mars", headers: ada)
            #expect(unknown.errorCode == "not_found")
        }
    }

    @Test func aSessionMayBeTakenAlong() async throws {
        try await Self.withKeys { rig, ada, bob in
            let target = "\(Self.sessions)/s/export"
            let answer = try await rig.http("GET", target, headers: ada)
            #expect(answer.headers["content-disposition"]?.contains(".json") == true)
            let json = answer.dechunked
            #expect(json["session"]?["session_key"] == "agent:main:s")
            #expect(
                json["messages"]?.array?.map { $0["content"]?.text }
                    == ["A blue sea", "Echo: A blue sea", "A *green* field", "Echo: A *green* field"])
            let text = try await rig.http("GET", "\(target)?format=markdown", headers: ada)
            #expect(text.headers["content-type"]?.hasPrefix("text/markdown") == true)
            #expect(text.text.contains("## You, ") && text.text.contains("\n\nA *green* field\n"))
            #expect(try await rig.http("GET", target, headers: bob).errorCode == "forbidden")
            #expect(try await rig.http("GET", target).status == 401)
            #expect(try await rig.http("GET", "\(target)?format=pdf", headers: ada).errorCode == "bad_request")
            let unknown = try await rig.http("GET", "\(Self.sessions)/none/export", headers: ada)
            #expect(unknown.errorCode == "not_found")
        }
    }

    @Test func whatIsTakenAlongTellsOfAttachmentsAndStops() async throws {
        var options = Rig.Options()
        options.gateway.reply = ManualReply()
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            let image: JSONValue = ["type": "image", "mimeType": "image/png", "fileName": "a.png", "content": "aGkh"]
            browser.send([
                "type": "chat", "sessionKey": "s", "message": "Look", "idempotencyKey": "r", "attachments": [image],
            ])
            let run = try await rig.gateway.nextRun()
            await run.delta("It is")
            await run.abort()
            _ = try await browser.turn("r")
            let text = try await rig.http("GET", "\(Self.sessions)/s/export?format=markdown").text
            #expect(text.contains("Look\n\n*attachment: a.png (image/png, 3 bytes)*\n"))
            #expect(text.contains("It is\n\n*stopped*\n"))
        }
    }

    @Test func theListOfSessionsHasPages() async throws {
        try await Rig.run { rig in
            for key in ["a", "b", "c"] {
                _ = try await rig.http("POST", Self.sessions, body: #"{"session_key":"\#(key)"}"#)
            }
            var (keys, before): ([String?], String) = ([], "")
            while true {
                let page = try await rig.http("GET", "\(Self.sessions)?limit=2\(before)").json.array ?? []
                guard let last = page.last?["id"]?.int else { break }
                keys += page.map { $0["session_key"]?.string }
                before = "&before=\(last)"
            }
            #expect(keys == ["agent:main:c", "agent:main:b", "agent:main:a"])
            let browser = try await rig.browser()
            browser.send(["type": "sessions", "limit": 2, "id": 1])
            let first = try await browser.result()
            #expect(first["sessions"]?.array?.count == 2)
            browser.send(["type": "sessions", "limit": 2, "before": try #require(first["before"]), "id": 1])
            let second = try await browser.result()
            #expect(second["sessions"]?.array?.map { $0["session_key"]?.string } == ["agent:main:a"])
            #expect(second["before"] == .null)
        }
    }

    @Test func administratorsLookAfterKeys() async throws {
        try await Self.withKeys { rig, ada, _ in
            let root = try await rig.database.createKey(user: "root", isAdministrator: true).text
            let bearer = [("Authorization", "Bearer \(root)")]
            for (method, target) in [("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", "/api/keys/x")] {
                #expect(try await rig.http(method, target, headers: ada).errorCode == "forbidden")
                #expect(try await rig.http(method, target).status == 401)
            }
            let made = try await rig.http("POST", "/api/keys", headers: bearer, body: #"{"user":"eve"}"#)
            #expect(made.status == 201)
            let (id, key) = (try #require(made.json["id"]?.string), try #require(made.json["key"]?.string))
            let eve = [("Authorization", "Bearer \(key)")]
            #expect(try await rig.http("GET", "/api/gateways", headers: eve).status == 200)
            let list = try await rig.http("GET", "/api/keys", headers: bearer)
            #expect(list.json.array?.map { $0["user"]?.string }.contains("eve") == true)
            #expect(!list.text.contains(key) && !list.text.contains("hash"))
            #expect(try await rig.http("DELETE", "/api/keys/\(id)", headers: bearer).json == ["ok": true])
            rig.time.advance(by: .seconds(5))
            #expect(try await rig.http("GET", "/api/gateways", headers: eve).status == 401)
            #expect(try await rig.http("DELETE", "/api/keys/none", headers: bearer).errorCode == "not_found")
            for body in ["{}", #"{"user":""}"#, #"{"user":"anonymous"}"#, #"{"user":"a","administrator":1}"#, "[]"] {
                #expect(
                    try await rig.http("POST", "/api/keys", headers: bearer, body: body).errorCode == "bad_request",
                    "\(body)")
            }
        }
    }

    /// Where everybody is an administrator, a key that counts later would be a way to stay one.
    @Test func whereNobodyIsAskedNobodyMakesKeys() async throws {
        try await Rig.run { rig in
            for method in ["GET", "POST"] {
                let answer = try await rig.http(method, "/api/keys", body: "{}")
                #expect(answer.errorCode == "disabled")
            }
        }
    }
}

extension HTTPAnswer {
    /// The JSON of a body that came in chunks.
    fileprivate var dechunked: JSONValue {
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let pieces = lines.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        return (try? JSONValue(parsing: ByteBuffer(string: pieces.joined()))) ?? .null
    }
}
