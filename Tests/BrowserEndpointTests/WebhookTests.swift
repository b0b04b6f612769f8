import Foundation
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import PipelineEngine
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
        webhook.pace = .zero
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
            _ = try await browser.next(state: "final")
            browser.chat("And?", in: "agent:main:one", run: "r2")
            let second = try await rig.gateway.nextRun()
            await second.error("no model")
            _ = try await browser.next(state: "error")
            #expect(try await rig.http("DELETE", "/api/gateways/home/sessions/agent:main:one").status == 200)
            let body = #"{"session_key": "agent:main:two"}"#
            #expect(try await rig.http("POST", "/api/gateways/home/sessions", body: body).status == 201)
            try await rig.waitForDeliveries(10)
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
        #expect(
            options.http.calls.compactMap(\.event).filter { $0["data"]?["session"] == "agent:main:one" }
                .compactMap { $0["type"]?.string } == [
                    "session.created", "message.received", "run.started", "message.final", "message.received",
                    "run.started", "message.error", "session.deleted",
                ])
        #expect(messages[3]["data"]?["error"] == "no model")
    }

    /// No model was asked, and the answer comes at once: everything is in order all the same.
    @Test func anAnswerOfAStageIsToldInOrderAndTookNoTokens() async throws {
        var options = try rigOptions()
        options.stages = [Stage(name: "knowing", kind: "knowing", middleware: Knowing())]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            #expect(
                try await rig.http(
                    "POST", "/api/gateways/home/sessions", body: #"{"session_key": "agent:main:one"}"#
                ).status == 201)
            for run in ["r1", "r2", "r3"] {
                browser.chat("Hello?", in: "agent:main:one", run: run)
                _ = try await browser.next(state: "final")
            }
            try await rig.waitForDeliveries(11)
        }
        let events = options.http.calls.compactMap(\.event).filter { $0["data"]?["session"] == "agent:main:one" }
        let turn = ["message.received", "run.started", "message.final"]
        #expect(events.compactMap { $0["type"]?.string } == ["session.created"] + turn + turn + turn)
        #expect(events.last?["data"]?["model"] == .null)
        #expect(events.last?["data"]?["usage"] == ["input": 0, "output": 0])
    }

    /// A browser that lost its connection sends its message again: its run goes on, or is over, and does not begin anew.
    @Test(arguments: [true, false]) func aRunBeginsOnceThoughItsMessageIsSentAgain(isKept: Bool) async throws {
        var options = try rigOptions()
        options.keepsMessages = isKept
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello?", in: "agent:main:one", run: "r1")
            let run = try await rig.gateway.nextRun()
            browser.chat("Hello?", in: "agent:main:one", run: "r1")
            _ = try await browser.next { $0["state"] == "accepted" && $0["seq"] == 2 }
            await run.final("Good answer.")
            _ = try await browser.next(state: "final")
            browser.chat("Hello?", in: "agent:main:one", run: "r1")
            _ = try await browser.next(state: "final")
            browser.chat("And?", in: "agent:main:one", run: "r2")
            await (try await rig.gateway.nextRun()).error("no model")
            _ = try await browser.next(state: "error")
            browser.chat("And?", in: "agent:main:one", run: "r2")
            _ = try await browser.next(state: "error")
            try await tellAll(rig, browser, options.http)
        }
        #expect(options.http.runsStarted == ["r1", "r2", "last"])
    }

    /// The run was over before the server was started, be it that it failed.
    @Test func aRunBeginsOnceThoughTheServerIsStartedAgain() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var options = try rigOptions()
        options.folder = folder
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await ask("Hello?", run: "r1", rig, browser)
            browser.chat("And?", in: "agent:main:one", run: "r2")
            await (try await rig.gateway.nextRun()).error("no model")
            _ = try await browser.next(state: "error")
            try await tellAll(rig, browser, options.http)
        }
        var next = try rigOptions()
        next.folder = folder
        next.time = options.time
        try await Rig.run(next) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello?", in: "agent:main:one", run: "r1")
            _ = try await browser.next(state: "final")
            try await ask("And?", run: "r2", rig, browser)
            try await tellAll(rig, browser, next.http, through: "next")
        }
        #expect(options.http.runsStarted == ["r1", "r2", "last"])
        #expect(next.http.runsStarted == ["next"])
    }

    /// A stage below the one that keeps messages turned it away: its run begins when it comes through.
    @Test func aRunBeginsWhenAMessageThatWasTurnedAwayIsSentAgain() async throws {
        var options = try rigOptions()
        options.stagesBelow = [Stage(name: "fickle", kind: "fickle", middleware: Fickle())]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello?", in: "agent:main:one", run: "r1")
            #expect(try await browser.next { $0["type"] == "error" }["code"] == "not_now")
            try await ask("Hello?", run: "r1", rig, browser)
            try await tellAll(rig, browser, options.http)
        }
        #expect(
            options.http.calls.compactMap(\.event).filter { $0["data"]?["run"] == "r1" }
                .compactMap { $0["type"]?.string } == [
                    "message.received", "request.rejected", "run.started", "message.final",
                ])
    }

    /// A client may count its messages in each session by itself. Of a key that the gateway knows from another session it says no.
    @Test func aRunBeginsThoughAnotherSessionHadOneOfItsName() async throws {
        let options = try rigOptions()
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            try await ask("Hello?", in: "agent:main:two", run: "1", rig, browser)
            browser.chat("Hello?", in: "agent:main:one", run: "1")
            #expect(try await browser.next(state: "error")["error"]?["code"] == "key_used")
            try await tellAll(rig, browser, options.http)
        }
        #expect(options.http.runsStarted.filter { $0 == "1" }.count == 2)
    }

    /// A message, and its answer.
    private func ask(
        _ text: String, in session: String = "agent:main:one", run: String, _ rig: Rig, _ browser: Browser
    ) async throws {
        browser.chat(text, in: session, run: run)
        await (try await rig.gateway.nextRun()).final("Good answer.")
        _ = try await browser.next(state: "final")
    }

    /// What happens in a session is told in order: once this run's end was told, so was all that came before it.
    private func tellAll(
        _ rig: Rig, _ browser: Browser, _ http: ScriptedHTTPCaller, through name: String = "last"
    ) async throws {
        try await ask("And last?", run: name, rig, browser)
        while !http.calls.compactMap(\.event).contains(where: {
            $0["type"] == "message.final" && $0["data"]?["run"]?.string == name
        }) { await Task.yield() }
    }

    @Test func endpointsAreChanged() async throws {
        let options = try rigOptions()
        try await Rig.run(options) { rig in
            let body = #"{"name": "two", "url": "https://two.test/x", "events": ["message.error"], "timeout": "5s"}"#
            #expect(try await rig.http("POST", Self.endpoints, body: body).status == 201)
            func change(_ body: String, _ name: String = "two") async throws -> HTTPAnswer {
                try await rig.http("PATCH", Self.endpoints + "/" + name, body: body)
            }
            let first = try await change(#"{"enabled": false, "when": {"user": "ada"}, "ordering": "none"}"#)
            #expect(first.status == 200)
            #expect(first.json["state"] == "disabled")
            #expect(first.json["timeout"] == "5s")
            #expect(first.json["when"] == ["user": ["ada"]])
            #expect(first.json["ordering"] == "none")
            #expect(first.json["content"] == "text")
            // What would wait for ever is refused.
            #expect(try await rig.http("POST", Self.endpoints + "/two/test").errorCode == "conflict")

            let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            let second = try await change(#"{"enabled": null, "when": null, "secret": "\#(secret)", "timeout": null}"#)
            #expect(second.json["state"] == "active")
            #expect(second.json["isSigned"] == true)
            #expect(second.json["timeout"] == "10s")
            #expect(second.json["events"] == ["message.error"])
            #expect(!second.text.contains("MfKQ"))
            #expect(try await rig.http("POST", Self.endpoints + "/two/test").status == 202)
            while try await rig.database.deliveries(DeliveryFilter(endpoint: "two", state: .delivered)).isEmpty {
                await Task.yield()
            }
            #expect(
                options.http.calls.last { $0.url.host == "two.test" }?.headers.contains {
                    $0.name == "webhook-signature"
                } == true)

            for (body, name, code) in [
                (#"{"timeout": "soon"}"#, "two", "bad_request"), (#"{"name": "three"}"#, "two", "bad_request"),
                (#"{"url": "http://10.0.0.1/"}"#, "two", "bad_request"), (#"{"colour": "red"}"#, "two", "bad_request"),
                (#"{"url": null}"#, "two", "bad_request"), (#"{"enabled": false}"#, "one", "conflict"),
                (#"{"enabled": false}"#, "none", "not_found"),
            ] {
                #expect(try await change(body, name).errorCode == code, "\(body)")
            }
        }
    }

    /// It is taken, as in the file, and whoever adds it is told.
    @Test func whatIsLikelyNotMeantIsAnswered() async throws {
        try await Rig.run(try rigOptions()) { rig in
            func answer(_ method: String, _ path: String, _ template: String) async throws -> HTTPAnswer {
                let body: JSONValue = ["name": "two", "url": "https://two.test/x", "template": .string(template)]
                return try await rig.http(method, Self.endpoints + path, body: body.encoded())
            }
            let warnings: JSONValue = ["`template` names `agnt`, which no event has (did you mean `agent`?)"]
            let wrong = try await answer("POST", "", #"{"text": "{{data.agnt}}"}"#)
            #expect(wrong.status == 201 && wrong.json["warnings"] == warnings)
            let right = try await answer("PATCH", "/two", #"{"text": "{{data.agent}}"}"#)
            #expect(right.status == 200 && right.json["warnings"] == [])
            #expect(try await answer("PATCH", "/two", #"{"text": "{{data.agnt}}"}"#).json["warnings"] == warnings)
            #expect(try await rig.http("GET", Self.endpoints).json[0]?["warnings"] == nil)
        }
    }

    /// Nothing would be sent, and the delivery would stay open for ever.
    @Test func whatCannotGoOutIsNotReplayed() async throws {
        let options = try rigOptions(
            ScriptedHTTPCaller { call, _ in MiddlewareKit.HTTPAnswer(status: call.url.host == "two.test" ? 410 : 200) })
        try await Rig.run(options) { rig in
            for name in ["two", "three"] {
                let body = #"{"name": "\#(name)", "url": "https://\#(name).test/x", "events": ["message.final"]}"#
                #expect(try await rig.http("POST", Self.endpoints, body: body).status == 201)
                #expect(try await rig.http("POST", Self.endpoints + "/\(name)/test").status == 202)
            }
            try await rig.waitForDeliveries(1, state: .dead)
            while try await rig.database.deliveries(DeliveryFilter(endpoint: "three", state: .delivered)).isEmpty {
                await Task.yield()
            }
            #expect(try await rig.http("DELETE", Self.endpoints + "/three").status == 200)
            for name in ["two", "three"] {
                let filter = DeliveryFilter(endpoint: name, limit: 1)
                let id = try #require(try await rig.database.deliveries(filter).first?.id)
                #expect(try await rig.http("POST", Self.deliveries + "/\(id)/replay").errorCode == "conflict")
            }
            let since = #"{"since": "2020-01-31T00:00:00Z"}"#
            #expect(try await rig.http("POST", Self.deliveries + "/replay", body: since).json == ["replayed": 0])
            let to = #"{"since": "2020-01-31T00:00:00Z", "endpoint": "two"}"#
            #expect(try await rig.http("POST", Self.deliveries + "/replay", body: to).errorCode == "conflict")
        }
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
            #expect(delivery["event"]?["type"] == "webhook.test" && delivery["body"] == .null)

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
                ("GET", Self.deliveries + "?type=message.finnal", "", "bad_request"),
                ("GET", Self.deliveries + "?stage=x", "", "bad_request"),
                ("GET", Self.deliveries + "/x", "", "bad_request"),
                ("GET", Self.deliveries + "/99", "", "not_found"),
                ("POST", Self.deliveries + "/99/replay", "", "not_found"),
                ("POST", Self.deliveries + "/replay", "{}", "bad_request"),
                ("POST", Self.deliveries + "/replay", #"{"since": "yesterday"}"#, "bad_request"),
                ("POST", Self.deliveries + "/replay", #"{"since": "2026-02-30T00:00:00Z"}"#, "bad_request"),
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

    /// A stage was renamed: what was added to it is there to be looked at, and to be deleted.
    @Test func endpointsOfAStageThatIsGoneAreShownAndDeleted() async throws {
        try await Rig.run(try rigOptions()) { rig in
            let settings = #"{"url": "https://old.test/x", "events": ["message.final"]}"#
            #expect(
                try await rig.database.addEndpoint(
                    stage: "before", name: "old", settings: settings, now: rig.time.now))
            let rows = try await rig.http("GET", Self.endpoints).json.array ?? []
            let old = rows.first { $0["name"] == "old" }
            #expect(rows.count == 2 && old?["stage"] == "before" && old?["state"] == "without-stage")
            #expect(old?["url"]?.string?.hasPrefix("https://old.test") == true && old?["source"] == "api")
            for call in ["/test", "/enable"] {
                let answer = try await rig.http("POST", Self.endpoints + "/old" + call)
                #expect(answer.errorCode == "conflict" && answer.text.contains("“before”"))
            }
            let changed = try await rig.http("PATCH", Self.endpoints + "/old", body: #"{"enabled": false}"#)
            #expect(changed.errorCode == "conflict" && changed.text.contains("“before”"))
            #expect(try await rig.http("DELETE", Self.endpoints + "/old").status == 200)
            #expect(try await rig.http("GET", Self.endpoints).json.array?.count == 1)
        }
    }

    /// It was taken out of the file: what is left for it can be seen, and given up.
    @Test func whatIsLeftForARemovedEndpointIsShown() async throws {
        try await Rig.run(try rigOptions()) { rig in
            try await rig.waitForDeliveries(1)
            let event = OutboxEvent(id: 1, topic: "message.final", payload: "{}", createdAt: rig.time.now)
            let left = PlannedDelivery(
                event: event, eventID: "evt_1", endpoint: "old", lane: nil, dueAt: rig.time.now)
            let stage = try #require(try await rig.http("GET", Self.endpoints).json[0]?["stage"]?.string)
            try await rig.database.plan([left], stage: stage, through: 1, now: rig.time.now)
            let old = try await rig.http("GET", Self.endpoints).json.array?.first { $0["name"] == "old" }
            #expect(old?["state"] == "removed" && old?["open"] == 1 && old?["url"] == nil && old?["stage"] != nil)
            #expect(try await rig.http("DELETE", Self.endpoints + "/old").status == 200)
            #expect(try await rig.http("GET", Self.endpoints).json.array?.count == 1)
            let given = try await rig.database.deliveries(DeliveryFilter(endpoint: "old")).first
            #expect(given?.state == .dead && given?.error == "the endpoint was removed")

            // Of another version, as the log says, which asks for this.
            #expect(try await rig.database.addEndpoint(stage: stage, name: "odd", settings: "?", now: rig.time.now))
            #expect(try await rig.http("DELETE", Self.endpoints + "/odd").status == 200)
            #expect(try await rig.database.addedEndpoints(stage: stage).isEmpty)
        }
    }

    /// Headers hold credentials: whoever may change the address may still not read them.
    @Test func headersDoNotMoveToAnotherServer() async throws {
        try await Rig.run(try rigOptions()) { rig in
            let body = #"{"name": "two", "url": "https://two.test/x", "headers": {"Authorization": "Bearer k"}}"#
            #expect(try await rig.http("POST", Self.endpoints, body: body).status == 201)
            for (change, headers) in [
                (#"{"url": "https://two.test/y"}"#, ["Authorization"]), (#"{"url": "https://three.test/y"}"#, []),
                (#"{"url": "https://four.test/", "headers": {"X-Key": "k"}}"#, ["X-Key"]),
                (#"{"url": "http://four.test/"}"#, []), (#"{"headers": {"X-Key": "k"}}"#, ["X-Key"]),
            ] {
                let answer = try await rig.http("PATCH", Self.endpoints + "/two", body: change)
                #expect(answer.status == 200)
                #expect(answer.json["headers"]?.array?.compactMap(\.string) == headers, "\(change)")
            }
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

/// Answers every message itself.
private struct Knowing: Middleware {
    var handles: StagePaths { StagePaths(inbound: [.chat]) }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        var message = message
        message.answer = "I know."
        try await next(message, context)
    }
}

/// Turns the first message away.
private final class Fickle: Middleware {
    private let calls = Atomic(0)

    var handles: StagePaths { StagePaths(inbound: [.chat]) }

    func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
        guard calls.wrappingAdd(1, ordering: .relaxed).oldValue > 0 else {
            throw Rejection(code: "not_now", message: "Not now.")
        }
        try await next(message, context)
    }
}

extension ScriptedHTTPCaller {
    /// Which runs endpoints were told of.
    fileprivate var runsStarted: [String] {
        calls.compactMap(\.event).filter { $0["type"] == "run.started" }.compactMap { $0["data"]?["run"]?.string }
    }
}

extension HTTPCall {
    fileprivate var event: JSONValue? { try? JSONValue(parsing: String(decoding: body, as: UTF8.self)) }
}
