import BrowserEndpoint
import JSON
import NIOCore
import OpenClawTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct RoutesTests {
    private static let sessions = "/api/gateways/home/sessions"

    /// Calls that fail: method, target, body, status and error code.
    private static let failures: [(String, String, String, Int, String)] = [
        ("GET", "/nothing", "", 404, "not_found"),
        ("GET", "/api", "", 404, "not_found"),
        ("GET", "/api/gateways/mars/status", "", 404, "not_found"),
        ("GET", "/api/gateways/mars/sessions", "", 404, "not_found"),
        ("DELETE", "/api/gateways/mars", "", 404, "not_found"),
        ("DELETE", "/api/gateways/home", "", 409, "conflict"),
        ("POST", "/api/gateways", "", 400, "bad_request"),
        ("POST", "/api/gateways", "nonsense", 400, "bad_request"),
        ("POST", "/api/gateways", "[]", 400, "bad_request"),
        ("POST", "/api/gateways", #"{"name":"X"}"#, 400, "bad_request"),
        ("POST", "/api/gateways", #"{"name":" ","url":"ws://h"}"#, 400, "bad_request"),
        ("POST", "/api/gateways", #"{"name":"X","url":"http://h"}"#, 400, "bad_request"),
        ("POST", "/api/gateways", #"{"name":"X","url":"ws://h","id":"Big One"}"#, 400, "bad_request"),
        ("POST", "/api/gateways", #"{"name":"X","url":"ws://h","colour":"red"}"#, 400, "bad_request"),
        ("POST", "/api/gateways", #"{"name":"Home","url":"ws://h"}"#, 400, "bad_request"),
        ("POST", "/api/gateways", #"{"name":"\#(String(repeating: "x", count: 70_000))"}"#, 413, "too_large"),
        ("POST", "/api/gateways/scan", "", 403, "disabled"),
        ("GET", sessions + "?limit=0", "", 400, "bad_request"),
        ("GET", sessions + "?limit=501", "", 400, "bad_request"),
        ("GET", sessions + "?limit=x", "", 400, "bad_request"),
        ("GET", sessions + "?search=x", "", 400, "bad_request"),
        ("GET", sessions + "?source=moon", "", 400, "bad_request"),
        ("GET", sessions + "?source=gateway&archived=perhaps", "", 400, "bad_request"),
        ("GET", "/api/gateways/home/models?view=some", "", 400, "bad_request"),
        ("GET", "/api/gateways/mars/agents", "", 404, "not_found"),
        ("POST", sessions, "nonsense", 400, "bad_request"),
        ("POST", sessions, #"{"title":7}"#, 400, "bad_request"),
        ("POST", sessions, #"{"title":"two\r\nlines"}"#, 400, "bad_request"),
        ("POST", sessions, #"{"title":"turned \u202e round"}"#, 400, "bad_request"),
        ("POST", sessions, #"{"session_key":" "}"#, 400, "bad_request"),
        ("POST", sessions, #"{"colour":"red"}"#, 400, "bad_request"),
        ("GET", sessions + "/none", "", 404, "not_found"),
        ("DELETE", sessions + "/none", "", 404, "not_found"),
        ("GET", sessions + "/%ff", "", 400, "bad_request"),
        ("GET", sessions + "/a%00b", "", 400, "bad_request"),
        ("GET", sessions + "/" + String(repeating: "k", count: 513), "", 400, "bad_request"),
        ("GET", sessions + "/s/messages?before=x", "", 400, "bad_request"),
        ("GET", sessions + "/s/messages?before=-1", "", 400, "bad_request"),
        ("GET", sessions + "/s/messages?limit=9999999999999999999", "", 400, "bad_request"),
    ]

    @Test func whatIsWrongIsSaidInJSON() async throws {
        try await Rig.run { rig in
            for (method, target, body, status, code) in Self.failures {
                let answer = try await rig.http(method, target, body: body)
                #expect(answer.status == status, "\(method) \(target.prefix(80)) \(body.prefix(80))")
                #expect(answer.errorCode == code, "\(method) \(target.prefix(80)) \(body.prefix(80))")
            }
        }
    }

    @Test func healthAndReadiness() async throws {
        try await Rig.run { rig in
            #expect(try await rig.http("GET", "/health").json == ["status": "ok"])
            #expect(try await rig.http("GET", "/healthz").json == ["status": "ok"])
            let ready = try await rig.http("GET", "/readyz")
            #expect(ready.status == 200)
            #expect(ready.json["status"] == "ready")
            #expect(ready.json["pipeline"] == ["auth", "thinking-strip", "persist", "analytics"])
            #expect(ready.json["gateways"]?[0]?["connected"] == true)
        }
    }

    @Test func whileItDrainsItIsNotReady() async throws {
        try await Rig.run { rig in
            await rig.hub.drain(timeout: .zero)
            let answer = try await rig.http("GET", "/readyz")
            #expect(answer.status == 503)
            #expect(answer.json["status"] == "draining")
        }
    }

    @Test func gatewaysAreListedAddedAndRemoved() async throws {
        try await Rig.run { rig in
            let url = await rig.gateway.url
            let home: JSONValue = ["id": "home", "name": "Home", "url": .string(url), "connected": true]
            #expect(try await rig.http("GET", "/api/gateways").json == [home])
            let body = #"{"name":"My  Gateway 2!","url":"ws://127.0.0.1:9","token":"t0ps3cret"}"#
            let added = try await rig.http("POST", "/api/gateways", body: body)
            #expect(added.status == 201)
            #expect(added.json["id"] == "my-gateway-2")
            #expect(!added.text.contains("t0ps3cret"))
            #expect(try await rig.http("POST", "/api/gateways", body: body).status == 400)
            let list = try await rig.http("GET", "/api/gateways")
            #expect(list.json.array?.count == 2)
            #expect(!list.text.contains("t0ps3cret"))
            #expect(try await rig.http("DELETE", "/api/gateways/my-gateway-2").json == ["ok": true])
            #expect(try await rig.http("DELETE", "/api/gateways/my-gateway-2").status == 404)
            #expect(try await rig.http("GET", "/api/gateways").json == [home])
        }
    }

    @Test func theStatusOfAGateway() async throws {
        try await Rig.run { rig in
            let status = try await rig.http("GET", "/api/gateways/home/status").json
            #expect(status["id"] == "home")
            #expect(status["connected"] == true)
            #expect(status["agents"]?.array?.count == 1)
            #expect(status["models"]?.array?.count == 1)
            #expect(status["default_model"]?.string?.isEmpty == false)
            #expect(status["default_model"] == status["defaultModel"])
        }
    }

    @Test func theScannerIsAsked() async throws {
        struct Scanner: GatewayScanner {
            func scan() async throws -> [String] { ["ws://192.168.1.5:18789"] }
        }
        var options = Rig.Options()
        options.scanner = Scanner()
        try await Rig.run(options) { rig in
            let answer = try await rig.http("POST", "/api/gateways/scan")
            #expect(answer.status == 200)
            #expect(answer.json == [["url": "ws://192.168.1.5:18789"]])
        }
    }

    @Test func sessionsComeAndGo() async throws {
        try await Rig.run { rig in
            let made = try await rig.http("POST", Self.sessions, body: "{}")
            #expect(made.status == 201)
            #expect(made.json["key"] == made.json["session_key"])
            let key = try #require(made.json["key"]?.string)
            #expect(key.hasPrefix("agent:main:"))
            let second = try await rig.http(
                "POST", Self.sessions, body: #"{"session_key":"Räume: 1/2","title":"Rooms"}"#)
            #expect(second.json["session_key"] == "agent:main:räume: 1/2")
            #expect(second.json["title"] == "Rooms")
            #expect(try await rig.http("GET", Self.sessions).json.array?.count == 2)
            for target in ["R%C3%A4ume%3A%201%2F2", "agent%3Amain%3Ar%c3%a4ume:%201%2f2"] {
                let found = try await rig.http("GET", "\(Self.sessions)/\(target)")
                #expect(found.status == 200)
                #expect(found.json["id"] == second.json["id"])
            }
            #expect(try await rig.http("GET", "\(Self.sessions)/\(key)").json["session_key"]?.string == key)
            #expect(try await rig.http("DELETE", "\(Self.sessions)/\(key)").json == ["ok": true])
            #expect(try await rig.http("GET", "\(Self.sessions)/\(key)").status == 404)
            #expect(try await rig.http("GET", Self.sessions).json.array?.count == 1)
        }
    }

    @Test func messagesComeInPages() async throws {
        var options = Rig.Options()
        options.gateway.reply = EchoReply()
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            for number in 0..<3 {
                browser.chat("\(number)", run: "r\(number)")
                _ = try await browser.turn("r\(number)")
            }
            let target = "\(Self.sessions)/agent%3Amain%3As/messages"
            let all = try #require(try await rig.http("GET", target).json.array)
            #expect(all.map { $0["content"]?.text } == ["0", "Echo: 0", "1", "Echo: 1", "2", "Echo: 2"])
            for name in ["id", "session_id", "role", "content", "timestamp", "created_at"] {
                #expect(all.allSatisfy { $0[name] != nil }, "\(name)")
            }
            var pages: [JSONValue] = []
            var before = ""
            repeat {
                let page = try #require(try await rig.http("GET", "\(target)?limit=4\(before)").json.array)
                pages = page + pages
                before = page.first?["id"]?.int.map { "&before=\($0)" } ?? ""
            } while !before.isEmpty
            #expect(pages == all)
            #expect(try await rig.http("DELETE", "\(Self.sessions)/s").status == 200)
            #expect(try await rig.http("GET", target).json == [])
        }
    }

    @Test func onlyAllowedOriginsMayCall() async throws {
        var options = Rig.Options()
        options.origins = ["http://localhost:5173"]
        try await Rig.run(options) { rig in
            let allowed = try await rig.http("GET", "/api/gateways", headers: [("Origin", "http://localhost:5173")])
            #expect(allowed.status == 200)
            #expect(allowed.headers["access-control-allow-origin"] == "http://localhost:5173")
            #expect(allowed.headers["vary"] == "Origin")
            let preflight = try await rig.http(
                "OPTIONS", "/api/gateways",
                headers: [("Origin", "http://localhost:5173"), ("Access-Control-Request-Method", "POST")])
            #expect(preflight.status == 204)
            for method in ["DELETE", "PATCH"] {
                #expect(preflight.headers["access-control-allow-methods"]?.contains(method) == true)
            }
            #expect(preflight.headers["access-control-allow-headers"]?.contains("Authorization") == true)
            for method in ["GET", "POST", "OPTIONS"] {
                let refused = try await rig.http(method, "/api/gateways", headers: [("Origin", "http://evil.example")])
                #expect(refused.status == 403)
                #expect(refused.errorCode == "forbidden")
                #expect(refused.headers["access-control-allow-origin"] == nil)
            }
        }
    }

    /// Without the header a browser hides the answer from the page, which then cannot say what went wrong.
    @Test(arguments: ["/nothing", "/api/gateways/mars/status", sessions + "?limit=0"])
    func anAllowedPageMayReadErrorsToo(target: String) async throws {
        var options = Rig.Options()
        options.origins = ["http://localhost:5173"]
        try await Rig.run(options) { rig in
            let error = try await rig.http("GET", target, headers: [("Origin", "http://localhost:5173")])
            #expect(error.errorCode != nil)
            #expect(error.headers["access-control-allow-origin"] == "http://localhost:5173")
        }
    }

    /// No other call could name such a session.
    @Test func aSessionKeyHoldsNoControlCharacters() async throws {
        try await Rig.run { rig in
            let answer = try await rig.http("POST", Self.sessions, body: #"{"session_key":"a\u0007b"}"#)
            #expect(answer.status == 400)
            #expect(answer.errorCode == "bad_request")
        }
    }

    @Test func aStrangePageOpensNoWebSocket() async throws {
        try await Rig.run { rig in
            await #expect(throws: (any Error).self) {
                _ = try await Browser.connect(port: rig.port, headers: [("Origin", "http://evil.example")])
            }
            await #expect(throws: (any Error).self) { _ = try await Browser.connect(port: rig.port, path: "/wss") }
            _ = try await rig.browser(headers: [("Origin", "http://127.0.0.1:\(rig.port)")])
        }
    }

    @Test func thePageKeepsForeignScriptsOut() async throws {
        try await Rig.run { rig in
            let page = try await rig.http("GET", "/")
            #expect(page.status == 200)
            #expect(page.headers["content-type"] == "text/html; charset=utf-8")
            #expect(page.headers["content-security-policy"]?.contains("default-src 'none'") == true)
            #expect(page.headers["x-content-type-options"] == "nosniff")
            #expect(page.headers["x-frame-options"] == "DENY")
            #expect(page.text.contains("<html"))
            let tag = try #require(page.headers["etag"])
            let again = try await rig.http("GET", "/", headers: [("If-None-Match", tag)])
            #expect(again.status == 304)
            #expect(again.body.readableBytes == 0)
            #expect(try await rig.http("HEAD", "/").body.readableBytes == 0)
        }
    }

    /// A name that somebody pointed at this machine: the page of that name needs no `Origin` to read all of it.
    @Test func aStrangeNameOfThisMachineIsTurnedAway() async throws {
        try await Rig.run { rig in
            for target in ["/", "/readyz", "/api/gateways"] {
                let answer = try await rig.http("GET", target, headers: [("Host", "evil.example:\(rig.port)")])
                #expect(answer.status == 403)
                #expect(answer.errorCode == "forbidden")
            }
            await #expect(throws: (any Error).self) {
                _ = try await Browser.connect(port: rig.port, headers: [("Host", "evil.example")])
            }
        }
    }

    @Test func behindAProxyThePageGoesByItsName() async throws {
        var options = Rig.Options()
        options.origins = ["https://chat.example"]
        try await Rig.run(options) { rig in
            let headers = [("Host", "chat.example"), ("Origin", "https://chat.example")]
            #expect(try await rig.http("GET", "/", headers: [headers[0]]).status == 200)
            #expect(try await rig.http("POST", Self.sessions, headers: headers, body: "{}").status == 201)
            _ = try await rig.browser(headers: headers)
        }
    }

    /// A page whose WebSocket was refused asks in this way why: a GET of the same origin would have no `Origin`.
    @Test func thePageMayAskWhyItIsRefused() async throws {
        try await Rig.run { rig in
            let refused = try await rig.http("OPTIONS", "/ws", headers: [("Origin", "https://chat.example")])
            #expect(refused.status == 403)
            #expect(refused.json["detail"]?.string?.contains("https://chat.example") == true)
            for target in ["/ws", "/ws/chat/home"] {
                let answer = try await rig.http("GET", target)
                #expect(answer.status == 426)
                #expect(answer.errorCode == "upgrade_required")
            }
        }
    }

    @Test func theDescriptionNamesEveryRoute() async throws {
        struct Control: ConfigurationControl {
            func status() async -> JSONValue { .null }
            func reload(isDryRun: Bool) async -> (isGood: Bool, answer: JSONValue) { (true, .null) }
        }
        var options = Rig.Options()
        options.configuration = Control()
        options.metrics = MetricsPage(isOpen: true) { "" }
        try await Rig.run(options) { rig in
            let document = try await rig.http("GET", "/openapi.json").json
            let paths = try #require(document["paths"]?.object)
            let described = paths.keys.flatMap { path in
                (paths[path]?.object?.keys ?? []).filter { $0 != "parameters" }.map { "\($0.uppercased()) \(path)" }
            }
            // The page itself is no part of the interface.
            #expect(Set(described) == Set(rig.routes).subtracting(["GET /"]))
        }
    }
}
