import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import Stages
import Storage
import Synchronization
import Testing
import Webhooks

@Suite(.timeLimit(.minutes(1))) struct WebhookTests {
    private static let endpoints = "/api/webhooks/endpoints"
    private static let deliveries = "/api/webhooks/deliveries"

    private func rigOptions(_ http: ScriptedHTTPCaller = ScriptedHTTPCaller()) throws -> Rig.Options {
        var endpoint = EndpointOptions()
        endpoint.givenName = "one"
        endpoint.url = try HTTPAddress("https://one.test/services/secret-path")
        endpoint.events = EventType.allCases
        var webhook = WebhookOptions()
        webhook.endpoints = [endpoint]
        var options = Rig.Options()
        options.webhook = webhook
        options.http = http
        return options
    }

    /// A session from its making to its end, over real sockets.
    @Test func everythingThatHappensIsToldInOrder() async throws {
        let options = try rigOptions()
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello?", in: "agent:main:one", run: "r1")
            let run = try await rig.gateway.nextRun()
            await run.final("Good answer.")
            _ = try await browser.next { $0["state"] == "final" }
            browser.chat("And?", in: "agent:main:one", run: "r2")
            let second = try await rig.gateway.nextRun()
            await second.error("no model")
            _ = try await browser.next { $0["state"] == "error" }
            #expect(try await rig.http("DELETE", "/api/gateways/home/sessions/agent:main:one").status == 200)
            let body = #"{"session_key": "agent:main:two"}"#
            #expect(try await rig.http("POST", "/api/gateways/home/sessions", body: body).status == 201)
            try await rig.waitForDeliveries(9)
        }
        let types = Set(options.http.calls.compactMap(\.event?["type"]?.string))
        #expect(
            types.isSuperset(of: [
                "gateway.connected", "message.received", "message.final", "message.error", "run.started",
                "session.created",
                "session.deleted",
            ]))
        let messages = options.http.calls.compactMap(\.event).filter {
            $0["type"]?.string?.hasPrefix("message.") == true
        }
        #expect(
            messages.compactMap { $0["type"]?.string }
                == ["message.received", "message.final", "message.received", "message.error"])
        #expect(messages[1]["data"]?["message"]?["text"] == "Good answer.")
        #expect(messages[3]["data"]?["error"] == "no model")
    }

    @Test func administratorsLookAndAct() async throws {
        let tests = Atomic(0)
        let http = ScriptedHTTPCaller { call, _ in
            let isTest = call.event?["type"]?.string == EventType.test
            let isFirst = isTest && tests.wrappingAdd(1, ordering: .relaxed).oldValue == 0
            return MiddlewareKit.HTTPAnswer(status: isFirst ? 410 : 200, body: Array("some answer".utf8))
        }
        let options = try rigOptions(http)
        try await Rig.run(options) { rig in
            let added = try await rig.http(
                "POST", Self.endpoints,
                body: #"{"name": "two", "url": "https://two.test/x", "events": ["message.final"]}"#)
            #expect(added.status == 201)
            #expect(added.json["source"] == "api")
            #expect(
                try await rig.http("POST", Self.endpoints, body: #"{"name": "two", "url": "https://b.test"}"#).status
                    == 409)
            let bad = try await rig.http("POST", Self.endpoints, body: #"{"url": "http://10.0.0.1/"}"#)
            #expect(bad.errorCode == "bad_request")

            #expect(try await rig.http("POST", Self.endpoints + "/one/test").status == 202)
            try await rig.waitForDeliveries(1, state: .dead)
            let list = try await rig.http("GET", Self.endpoints)
            #expect(list.json.array?.compactMap { $0["name"]?.string } == ["one", "two"])
            #expect(!list.text.contains("secret-path"))

            let page = try await rig.http("GET", Self.deliveries + "?state=dead&endpoint=one&type=webhook.test").json
            #expect(page["deliveries"]?.array?.count == 1)
            let id = page["deliveries"]?[0]?["id"]?.int ?? 0
            let delivery = try await rig.http("GET", Self.deliveries + "/\(id)").json
            #expect(delivery["log"]?[0]?["answer"] == "some answer")
            #expect(delivery["log"]?[0]?["status"] == 410)
            #expect(delivery["event"]?["type"] == "webhook.test")

            #expect(try await rig.http("POST", Self.endpoints + "/one/enable").status == 200)
            #expect(try await rig.http("POST", Self.deliveries + "/\(id)/replay").status == 202)
            try await rig.waitForDeliveries(1)
            #expect(try await rig.http("DELETE", Self.endpoints + "/two").status == 200)
            #expect(try await rig.http("DELETE", Self.endpoints + "/one").errorCode == "conflict")
        }
    }

    @Test func badCallsAreAnsweredInWords() async throws {
        try await Rig.run(try rigOptions()) { rig in
            let cases: [(String, String, String, String)] = [
                ("GET", Self.deliveries + "?state=lost", "", "bad_request"),
                ("GET", Self.deliveries + "?limit=0", "", "bad_request"),
                ("GET", Self.deliveries + "/x", "", "bad_request"),
                ("GET", Self.deliveries + "/99", "", "not_found"),
                ("POST", Self.deliveries + "/99/replay", "", "not_found"),
                ("POST", Self.deliveries + "/replay", "{}", "bad_request"),
                ("POST", Self.deliveries + "/replay", #"{"since": "yesterday"}"#, "bad_request"),
                ("POST", Self.endpoints, "{}", "bad_request"),
                ("POST", Self.endpoints, #"{"stage": "x", "url": "https://a.test"}"#, "bad_request"),
                ("POST", Self.endpoints + "/none/test", "", "not_found"),
                ("DELETE", Self.endpoints + "/none", "", "not_found"),
            ]
            for (method, target, body, code) in cases {
                let answer = try await rig.http(method, target, body: body)
                #expect(answer.errorCode == code, "\(method) \(target) \(body)")
            }
            let since = #"{"since": "2026-01-31T00:00:00Z"}"#
            #expect(try await rig.http("POST", Self.deliveries + "/replay", body: since).json == ["replayed": 0])
        }
    }

    @Test func onlyAdministratorsGetIn() async throws {
        var options = try rigOptions()
        options.auth = .apiKeys
        try await Rig.run(options) { rig in
            let key = try await rig.database.createKey(user: "bob", isAdministrator: false).text
            let headers = [("Authorization", "Bearer \(key)")]
            for target in [Self.endpoints, Self.deliveries] {
                let (stranger, user) = (
                    try await rig.http("GET", target), try await rig.http("GET", target, headers: headers)
                )
                #expect(stranger.errorCode == "unauthorized")
                #expect(user.errorCode == "forbidden")
            }
            // Both refusals of the first kind, by the stage; no key, no name.
            try await rig.waitForDeliveries(2)
        }
        #expect(
            options.http.calls.compactMap { $0.event?["data"]?["code"]?.string } == ["unauthorized", "unauthorized"])
    }
}

extension Rig {
    fileprivate func waitForDeliveries(_ count: Int, state: DeliveryState = .delivered) async throws {
        while try await database.deliveries(DeliveryFilter(state: state, limit: 500)).count < count {
            await Task.yield()
        }
    }
}

extension HTTPCall {
    fileprivate var event: JSONValue? { try? JSONValue(parsing: String(decoding: body, as: UTF8.self)) }
}
