import JSON
import OpenClaw
import OpenClawTesting
import Storage
import Testing

/// Choosing a model, a title and how much an agent thinks; beginning anew and deleting, here and on the gateway.
@Suite(.timeLimit(.minutes(1))) struct SessionChangeTests {
    private static let path = "/api/gateways/home/sessions"
    private static let session = path + "/agent:main:s"
    private static let versions: [FakeGateway.ProtocolVersion] = [.v3, .v4]

    private func options(_ version: FakeGateway.ProtocolVersion = .v4, isAdmin: Bool = true) -> Rig.Options {
        var options = Rig.Options()
        options.gateway.protocolVersion = version
        options.gateway.models.append(.init(id: "echo-2", name: "Echo 2", provider: "fake"))
        if isAdmin { options.scopes.append("operator.admin") }
        return options
    }

    @Test(arguments: versions) func aModelIsChosenOnTheGateway(version: FakeGateway.ProtocolVersion) async throws {
        try await Rig.run(options(version)) { rig in
            let made = try await rig.http(
                "POST", Self.path, body: #"{"session_key": "s", "title": "Mine", "model": "fake/echo-2"}"#)
            #expect(made.status == 201)
            #expect(made.json["model"] == "fake/echo-2")
            let patch = try await rig.gateway.nextRequest(method: "sessions.patch")
            #expect(patch.parameters == ["key": "agent:main:s", "model": "fake/echo-2"])
            let changed = try await rig.http(
                "PATCH", Self.session, body: #"{"model": null, "thinking_level": "high"}"#)
            #expect(changed.status == 200)
            #expect(changed.json["model"] == .null)
            #expect(changed.json["title"] == "Mine")
            let second = try await rig.gateway.nextRequest(method: "sessions.patch")
            #expect(second.parameters == ["key": "agent:main:s", "model": nil, "thinkingLevel": "high"])
        }
    }

    /// The agent of a session stands in its key.
    @Test func anAgentIsChosenWithTheSession() async throws {
        var options = options()
        options.gateway.agents.append(.init(id: "ops"))
        try await Rig.run(options) { rig in
            let made = try await rig.http("POST", Self.path, body: #"{"session_key": "s", "agent_id": "Ops"}"#)
            #expect(made.json["key"] == "agent:ops:s" && made.json["agent_id"] == "ops")
            let new = try await rig.http("POST", Self.path, body: #"{"agent_id": "ops"}"#)
            #expect(new.json["key"]?.string?.hasPrefix("agent:ops:web-") == true)
            for body in [
                #"{"session_key": "agent:main:s", "agent_id": "ops"}"#, #"{"agent_id": "mars"}"#,
                #"{"session_key": "global", "agent_id": "ops"}"#,
            ] {
                #expect(try await rig.http("POST", Self.path, body: body).status == 400, "\(body)")
            }
            let change = try await rig.http("PATCH", Self.path + "/agent:ops:s", body: #"{"agent_id": "main"}"#)
            #expect(change.status == 400)
            #expect(change.json["error"]?["message"]?.string?.contains("cannot be changed") == true)
        }
    }

    @Test func aModelThatTheGatewayDoesNotHaveChangesNothing() async throws {
        try await Rig.run(options()) { rig in
            let made = try await rig.http("POST", Self.path, body: #"{"session_key": "s", "model": "none"}"#)
            #expect(made.status == 502)
            #expect(made.json["error"]?["message"]?.string?.contains("model not allowed: none") == true)
            #expect(try await rig.http("GET", Self.session).status == 404)
        }
    }

    @Test(arguments: versions) func withoutTheScopeItIsSaidWhichOne(version: FakeGateway.ProtocolVersion) async throws {
        try await Rig.run(options(version, isAdmin: false)) { rig in
            #expect(try await rig.http("POST", Self.path, body: #"{"session_key": "s"}"#).status == 201)
            let calls = [
                ("PATCH", Self.session, #"{"model": "fake/echo-2"}"#), ("POST", Self.session + "/reset", ""),
                ("DELETE", Self.session + "?gateway=true", ""),
            ]
            for (method, path, body) in calls {
                let answer = try await rig.http(method, path, body: body)
                #expect(answer.status == 403, "\(method)")
                #expect(answer.json["error"]?["code"] == "missing_scope")
                #expect(answer.json["error"]?["message"]?.string?.contains("Add operator.admin to `scopes`") == true)
            }
            #expect(try await rig.http("GET", Self.session).status == 200)
        }
    }

    @Test func aTitleIsOurOwn() async throws {
        try await Rig.run(options(isAdmin: false)) { rig in
            _ = try await rig.http("POST", Self.path, body: #"{"session_key": "s"}"#)
            let changed = try await rig.http("PATCH", Self.session, body: #"{"title": "Mine"}"#)
            #expect(changed.json["title"] == "Mine")
            // What the gateway calls it does not replace that, until it is taken back.
            try await rig.database.noteSessions([.named("Theirs")], gateway: "home")
            #expect(try await rig.http("GET", Self.session).json["title"] == "Mine")
            _ = try await rig.http("PATCH", Self.session, body: #"{"title": null}"#)
            try await rig.database.noteSessions([.named("Theirs")], gateway: "home")
            #expect(try await rig.http("GET", Self.session).json["title"] == "Theirs")
        }
    }

    @Test func aSessionBeginsAnewAndItsMessagesStay() async throws {
        try await Rig.run(options()) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
            #expect(try await rig.http("POST", Self.session + "/reset").status == 200)
            #expect(try await rig.gateway.nextRequest(method: "sessions.reset").parameters == ["key": "agent:main:s"])
            #expect(try await browser.history().count == 2)
        }
    }

    @Test func itIsDeletedOnTheGatewayToo() async throws {
        try await Rig.run(options()) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await browser.turn("r")
            #expect(try await rig.http("DELETE", Self.session + "?gateway=true").status == 200)
            #expect(try await rig.http("GET", Self.session).status == 404)
            #expect(try await rig.gateway.nextRequest(method: "sessions.delete").parameters == ["key": "agent:main:s"])
            // The gateway keeps its main session, and so do we.
            _ = try await rig.http("POST", Self.path, body: #"{"session_key": "main"}"#)
            let refused = try await rig.http("DELETE", Self.path + "/main?gateway=true")
            #expect(refused.json["error"]?["message"]?.string?.contains("Cannot delete the main session") == true)
            #expect(try await rig.http("GET", Self.path + "/main").status == 200)
        }
    }

    @Test(arguments: [
        ("{}", "Say what is to change"), (#"{"model": 5}"#, "`model` must be a string"),
        (#"{"name": "x"}"#, "Unknown member `name`"),
    ])
    func badChangesAreAnsweredInWords(body: String, words: String) async throws {
        try await Rig.run(options()) { rig in
            _ = try await rig.http("POST", Self.path, body: #"{"session_key": "s"}"#)
            let answer = try await rig.http("PATCH", Self.session, body: body)
            #expect(answer.status == 400)
            #expect(answer.json["error"]?["message"]?.string?.contains(words) == true)
            #expect(try await rig.http("PATCH", Self.path + "/other", body: #"{"title": "x"}"#).status == 404)
        }
    }

    // MARK: The session that all agents share

    @Test(arguments: [("main", "main"), ("agent:ops:main", "ops")])
    func underGlobalScopeTheAgentIsNamed(key: String, agent: String) async throws {
        var options = Rig.Options()
        options.gateway.hasGlobalScope = true
        options.gateway.agents = [.init(id: "main"), .init(id: "ops")]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", in: key)
            let run = try await rig.gateway.nextRun()
            let sent = try await rig.gateway.nextRequest(method: "chat.send").parameters
            #expect(sent["sessionKey"] == "global")
            #expect(sent["agentId"]?.string == agent)
            await run.final("Hi")
            #expect(try await browser.turn("r").text == "Hi")
        }
    }
}

extension SessionNote {
    fileprivate static func named(_ title: String) -> SessionNote {
        SessionNote(key: "agent:main:s", title: title, agent: "main", model: nil, lastActivity: nil)
    }
}
