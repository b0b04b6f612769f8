import BrowserEndpoint
import JSON
import MiddlewareKit
import MiddlewareTesting
import OpenClawTesting
import PipelineEngine
import Stages
import Storage
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct AccessTests {
    private static var options: Rig.Options {
        var options = Rig.Options()
        options.auth = .apiKeys
        return options
    }

    private func key(_ user: String, _ rig: Rig) async throws -> String {
        try await rig.database.createKey(user: user, isAdministrator: false).text
    }

    private func bearer(_ key: String) -> [(String, String)] { [("Authorization", "Bearer \(key)")] }

    @Test func theKeyMayComeAsHeader() async throws {
        try await Rig.run(Self.options) { rig in
            let browser = try await Browser.connect(port: rig.port, headers: bearer(try await key("ada", rig)))
            #expect(try await browser.next(type: "hello")["user"] == "ada")
        }
    }

    @Test func theKeyMayComeAsFirstFrame() async throws {
        try await Rig.run(Self.options) { rig in
            let browser = try await Browser.connect(port: rig.port)
            browser.send(["type": "auth", "token": .string(try await key("ada", rig))])
            let hello = try await browser.next(type: "hello")
            #expect(hello["user"] == "ada")
            #expect(hello["protocol"] == 1)
        }
    }

    /// The chain has found out already that there is none in the head of the request.
    @Test func whoHasNotSentItsKeyYetIsNotRefused() async throws {
        try await Rig.run(Self.options) { rig in
            let browser = try await Browser.connect(port: rig.port)
            let key = try await key("ada", rig)
            for _ in 1...3 { _ = try await rig.http("GET", "/api/gateways") }
            browser.send(["type": "auth", "token": .string(key)])
            #expect(try await browser.next()["type"] == "hello")
        }
    }

    @Test func framesRightBehindTheKeyAreNotLost() async throws {
        try await Rig.run(Self.options) { rig in
            let browser = try await Browser.connect(port: rig.port)
            browser.send(["type": "auth", "token": .string(try await key("ada", rig))])
            browser.chat("Hello")
            await (try await rig.gateway.nextRun()).final("Fine")
            #expect(try await browser.turn("r").text == "Fine")
        }
    }

    @Test func aWrongKeyClosesTheSocket() async throws {
        try await Rig.run(Self.options) { rig in
            let first = try await Browser.connect(port: rig.port)
            first.send(["type": "auth", "token": "sluice_000000000000_wrong"])
            #expect(try await first.next(type: "error")["code"] == "unauthorized")
            #expect(try await first.closeCode() == 4401)
            let second = try await Browser.connect(port: rig.port, headers: bearer("wrong"))
            #expect(try await second.closeCode() == 4401)
            let third = try await Browser.connect(port: rig.port)
            third.send(["type": "agents", "id": 1])
            #expect(try await third.closeCode() == 4401)
        }
    }

    /// Webhooks and analytics count those who are turned away, not those who say who they are in their first frame.
    @Test func onlyWhoIsTurnedAwayIsToldOf() async throws {
        final class Rejections: Middleware, ServerObserver {
            let codes = Mutex<[String]>([])
            func messageWasRejected(_ rejected: RejectedMessage) {
                codes.withLock { $0.append("\(rejected.stage ?? "server") \(rejected.code)") }
            }
        }
        let rejections = Rejections()
        var options = Self.options
        options.stages = [Stage(name: "counts", kind: "test", middleware: rejections, executor: nil)]
        try await Rig.run(options) { rig in
            let browser = try await Browser.connect(port: rig.port)
            browser.send(["type": "auth", "token": .string(try await key("ada", rig))])
            _ = try await browser.next(type: "hello")
            #expect(rejections.codes.withLock { $0 }.isEmpty)
            let stranger = try await Browser.connect(port: rig.port)
            stranger.send(["type": "auth", "token": "sluice_000000000000_wrong"])
            #expect(try await stranger.closeCode() == 4401)
            let silent = try await Browser.connect(port: rig.port)
            // Once, however much they say.
            for number in 1...5 { silent.send(["type": "agents", "id": .integer(Int64(number))]) }
            #expect(try await silent.closeCode() == 4401)
            #expect(rejections.codes.withLock { $0 } == ["auth unauthorized", "server unauthorized"])
        }
    }

    @Test func whoSendsNoKeyIsClosedInTime() async throws {
        var options = Self.options
        options.limits.authTimeout = .milliseconds(1)
        try await Rig.run(options) { rig in
            let browser = try await Browser.connect(port: rig.port)
            #expect(try await browser.next()["message"]?.string?.contains("in time") == true)
            #expect(try await browser.closeCode() == 4401)
        }
    }

    @Test func usersHaveNothingToDoWithEachOthersSessions() async throws {
        try await Rig.run(Self.options) { rig in
            let (adaKey, bobKey) = (try await key("ada", rig), try await key("bob", rig))
            let ada = try await rig.browser(headers: bearer(adaKey))
            let bob = try await rig.browser(headers: bearer(bobKey))
            ada.chat("My secret")
            let run = try await rig.gateway.nextRun()
            await run.delta("Your secret")
            _ = try await ada.next(state: "delta")
            for type in ["subscribe", "history", "abort", "chat"] {
                bob.send(["type": .string(type), "sessionKey": "S", "message": "Let me in", "id": .string(type)])
                let error = try await bob.next()
                #expect(error["code"] == "forbidden", "\(type)")
                #expect(error["id"]?.string == type)
            }
            bob.send(["type": "sessions", "id": 1])
            #expect(try await bob.result()["sessions"] == [])
            let path = "/api/gateways/home/sessions"
            #expect(try await rig.http("GET", path, headers: bearer(bobKey)).json == [])
            for target in ["\(path)/s", "\(path)/s/messages", "\(path)/agent%3Amain%3As"] {
                #expect(
                    try await rig.http("GET", target, headers: bearer(bobKey)).errorCode == "forbidden", "\(target)")
            }
            #expect(try await rig.http("DELETE", "\(path)/s", headers: bearer(bobKey)).errorCode == "forbidden")
            #expect(try await rig.http("GET", path).status == 401)
            await run.final()
            #expect(try await ada.turn("r", after: "Your secret").streamed == "Your secret")
            #expect(try await bob.pending().isEmpty)
            ada.send(["type": "sessions", "id": 1])
            #expect(try await ada.result()["sessions"]?.array?.count == 1)
            #expect(try await rig.http("GET", "\(path)/s/messages", headers: bearer(adaKey)).json.array?.count == 2)
        }
    }

    /// Whoever guesses the key of a session that does not exist yet sees nothing of it once it does.
    @Test func watchingAKeyIsNotOwningIt() async throws {
        try await Rig.run(Self.options) { rig in
            let ada = try await rig.browser(headers: bearer(try await key("ada", rig)))
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            try await bob.subscribe("future")
            ada.chat("My secret", in: "future")
            await (try await rig.gateway.nextRun()).final("Your secret")
            _ = try await ada.turn("r")
            let frames = try await bob.pending()
            #expect(frames.map { $0["code"] } == ["forbidden"])
            #expect(frames.first?["sessionKey"] == "future")
        }
    }

    @Test func aSessionOfTheGatewayIsForAdministrators() async throws {
        try await Rig.run(Self.options) { rig in
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            try await bob.subscribe("telegram")
            await rig.gateway.addMessage("Buy milk", to: "telegram")
            await rig.gateway.broadcastRun(sessionKey: "telegram", text: "Milk is bought")
            #expect(try await bob.next(type: "error")["code"] == "forbidden")
            for type in ["history", "chat"] {
                bob.send(["type": .string(type), "sessionKey": "telegram", "message": "Let me in", "id": 1])
                #expect(try await bob.next()["code"] == "forbidden", "\(type)")
            }
        }
    }

    /// What the gateway knows of a session from before is not for the user who takes its key.
    @Test func aUserGetsNoOldHistory() async throws {
        try await Rig.run(Self.options) { rig in
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("An old secret", to: "late")
            rig.time.advance(by: .seconds(3600))
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            #expect(try await bob.history("late") == [])
            let root = try await rig.database.createKey(user: "root", isAdministrator: true).text
            let admin = try await rig.browser(headers: bearer(root))
            #expect(try await admin.history("late").map { $0["content"]?.text } == ["An old secret"])
        }
    }

    @Test func aDeletedSessionIsGoneForAll() async throws {
        try await Rig.run(Self.options) { rig in
            let (adaKey, bobKey) = (try await key("ada", rig), try await key("bob", rig))
            let ada = try await rig.browser(headers: bearer(adaKey))
            let bob = try await rig.browser(headers: bearer(bobKey))
            ada.chat("My secret")
            let run = try await rig.gateway.nextRun()
            await run.delta("Your secret")
            _ = try await ada.next(state: "delta")
            let path = "/api/gateways/home/sessions/s"
            #expect(try await rig.http("DELETE", path, headers: bearer(adaKey)).status == 200)
            #expect(try await ada.next(type: "error")["code"] == "session_deleted")
            // The run is stopped, and what it said is not stored.
            #expect(try await rig.gateway.nextRequest(method: "chat.abort").parameters["runId"] == "r")
            // The agent remembers what was said in it: the key stays hers.
            bob.chat("What did she say?", run: "r2")
            #expect(try await bob.next(type: "error")["code"] == "forbidden")
            ada.chat("Again", run: "r3")
            await (try await rig.gateway.nextRun()).final("Well")
            _ = try await ada.turn("r3")
            #expect(try await ada.history().count == 2)
        }
    }

    /// A key that can be guessed is no way into what others say with the gateway's agents.
    @Test(arguments: FakeGateway.ProtocolVersion.allCases)
    func sessionsThatTheGatewayHadAreNotForTheFirstWhoGuessesTheirKey(
        version: FakeGateway.ProtocolVersion
    ) async throws {
        var options = Self.options
        options.gateway.protocolVersion = version
        try await Rig.run(options) { rig in
            // Nobody tells of them.
            await rig.gateway.setFaults([.loseEvents])
            await rig.gateway.addMessage("A secret", to: "telegram:1")
            await rig.gateway.setFaults([])
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            for key in ["telegram:1", "main", "agent:main:main", "global"] {
                bob.chat("Let me in", in: key)
                #expect(try await bob.next(type: "error")["code"] == "forbidden", "\(key)")
                let body = "{\"session_key\": \"\(key)\"}"
                let made = try await rig.http(
                    "POST", "/api/gateways/home/sessions", headers: bearer(try await self.key("eve", rig)), body: body)
                #expect(made.errorCode == "forbidden", "\(key)")
            }
            let root = try await rig.database.createKey(user: "root", isAdministrator: true).text
            let admin = try await rig.browser(headers: bearer(root))
            admin.chat("Hello", in: "telegram:1")
            await (try await rig.gateway.nextRun()).final("Hi")
            _ = try await admin.turn("r")
            // It does not become one administrator's own.
            #expect(try await rig.database.session(gateway: "home", key: "agent:main:telegram:1")?.owner == nil)
            bob.chat("Mine", in: "mine", run: "m")
            await (try await rig.gateway.nextRun()).final("Yours")
            #expect(try await bob.turn("m").text == "Yours")
        }
    }

    @Test func theyAreWhereThatIsWanted() async throws {
        var options = Self.options
        options.sharesKnownSessions = true
        try await Rig.run(options) { rig in
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            bob.chat("Hello", in: "main")
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await bob.turn("r").text == "Hi")
        }
    }

    /// While the gateway is away, its list of sessions tells which are new.
    @Test func aNewSessionCanBeBegunWhileTheGatewayIsAway() async throws {
        try await Rig.run(Self.options) { rig in
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            await rig.gateway.interrupt(.cut)
            _ = try await bob.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            bob.chat("Hello", in: "new")
            #expect(try await bob.next(state: "accepted")["sessionKey"] == "new")
        }
    }

    @Test func whereThatCannotBeToldNobodyGetsIt() async throws {
        var options = Self.options
        options.gatewaysListen = false
        try await Rig.run(options) { rig in
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            bob.chat("Hello", in: "new")
            #expect(try await bob.next(type: "error")["code"] == "gateway_unavailable")
            let made = try await rig.http(
                "POST", "/api/gateways/home/sessions", headers: bearer(try await key("ada", rig)), body: "{}")
            #expect(made.status == 201)
        }
    }

    /// Without a stage that stores messages the owner is remembered all the same.
    @Test func withoutStoredMessagesASessionStaysItsOwners() async throws {
        var options = Self.options
        options.keepsMessages = false
        try await Rig.run(options) { rig in
            let adaKey = try await key("ada", rig)
            for run in ["r1", "r2"] {
                let ada = try await rig.browser(headers: bearer(adaKey))
                ada.chat("Hello", run: run)
                await (try await rig.gateway.nextRun()).final("Hi")
                _ = try await ada.turn(run)
            }
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            bob.chat("Hello", run: "r3")
            #expect(try await bob.next(type: "error")["code"] == "forbidden")
            #expect(try await rig.database.session(gateway: "home", key: "agent:main:s")?.owner == "ada")
        }
    }

    // MARK: What a stage turns away makes nobody an owner

    private static func turningAway(_ word: String) -> Stage {
        .inbound(.chat) { message, context, next in
            guard !message.text.contains(word) else { throw Rejection(code: "no", message: "Not that.") }
            try await next(message, context)
        }
    }

    @Test(arguments: [true, false])
    func aRejectedMessageClaimsNothing(keepsMessages: Bool) async throws {
        var options = Self.options
        options.keepsMessages = keepsMessages
        options.stages = [Self.turningAway("spam")]
        try await Rig.run(options) { rig in
            let ada = try await rig.browser(headers: bearer(try await key("ada", rig)))
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            bob.chat("spam", in: "x", run: "b")
            #expect(try await bob.next(type: "error")["code"] == "no")
            #expect(try await rig.database.session(gateway: "home", key: "agent:main:x") == nil)
            ada.chat("Hello", in: "x", run: "a")
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await ada.turn("a").text == "Hi")
            // Now it is hers, and who watched it before is sent away.
            #expect(try await bob.pending().map { $0["code"] } == ["forbidden"])
            bob.chat("Hello", in: "x", run: "b2")
            #expect(try await bob.next(type: "error")["code"] == "forbidden")
        }
    }

    /// A stage below `persist` comes too late: the message is in the database, and so is whose it is.
    @Test func whatIsStoredIsClaimed() async throws {
        try await Rig.run(Self.options) { rig in
            let context = Sample.provision(messages: rig.database, keys: rig.database, time: rig.time)
            let persist = try await PersistPlugin.provision(PersistOptions(), in: context)
            var auth = AuthOptions()
            auth.mode = .apiKeys
            let stages = [
                Stage(name: "auth", kind: "auth", middleware: try await AuthPlugin.provision(auth, in: context)),
                Stage(name: "persist", kind: "persist", middleware: persist), Self.turningAway("spam"),
            ]
            await rig.hub.use(ChainSet(standard: Chain(stages: stages, generation: 2, time: rig.time)))
            let ada = try await rig.browser(headers: bearer(try await key("ada", rig)))
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            bob.chat("spam", in: "x", run: "b")
            #expect(try await bob.next(type: "error")["code"] == "no")
            ada.chat("Hello", in: "x", run: "a")
            #expect(try await ada.next(type: "error")["code"] == "forbidden")
        }
    }

    /// Nobody gets a session while somebody else's message is on its way.
    @Test func aSessionIsHeldWhileItsFirstMessageIsInTheChain() async throws {
        let (arrivals, arrival) = AsyncStream<Void>.makeStream()
        let (permits, permit) = AsyncStream<Void>.makeStream()
        var options = Self.options
        options.stages = [
            .inbound(.chat) { message, context, next in
                if message.text == "slow" {
                    arrival.yield()
                    for await _ in permits { break }
                }
                try await next(message, context)
            }
        ]
        try await Rig.run(options) { rig in
            let ada = try await rig.browser(headers: bearer(try await key("ada", rig)))
            let bob = try await rig.browser(headers: bearer(try await key("bob", rig)))
            ada.chat("slow", in: "x", run: "a")
            for await _ in arrivals { break }
            bob.chat("Hello", in: "x", run: "b")
            #expect(try await bob.next(type: "error")["code"] == "forbidden")
            permit.yield()
            await (try await rig.gateway.nextRun()).final("Hi")
            #expect(try await ada.turn("a").text == "Hi")
        }
    }

    // MARK: Who was let in does not stay so for ever

    @Test func aRevokedKeyClosesItsSockets() async throws {
        try await Rig.run(Self.options) { rig in
            let (ada, bob) = (
                try await rig.database.createKey(user: "ada", isAdministrator: false),
                try await rig.browser(headers: bearer(try await key("bob", rig)))
            )
            let browser = try await rig.browser(headers: bearer(ada.text))
            try await browser.subscribe()
            _ = try await rig.database.revokeKey(id: ada.key.id)
            // What the auth stage remembers of keys is over then.
            rig.time.advance(by: .seconds(5))
            await rig.hub.reviewConnections()
            #expect(try await browser.next(type: "error")["code"] == "unauthorized")
            #expect(try await browser.closeCode() == 4401)
            #expect(try await bob.pending().isEmpty)
        }
    }

    @Test func whoIsNoAdministratorAnyMoreSeesLess() async throws {
        try await Rig.run { rig in
            let isAdministrator = Mutex(true)
            let stage = ClosureStage(handles: StagePaths(inbound: Set(MessageKind.allCases))) {
                message, context, next in
                var context = context
                context.principal = Principal(user: "root", isAdministrator: isAdministrator.withLock { $0 })
                try await next(message, context)
            }
            let auth = Stage(name: "auth", kind: "auth", middleware: stage)
            await rig.hub.use(ChainSet(standard: Chain(stages: [auth], generation: 2, time: rig.time)))
            let browser = try await rig.browser(headers: bearer("any"))
            try await browser.subscribe("telegram")
            await rig.gateway.broadcastRun(sessionKey: "telegram", text: "For administrators")
            _ = try await browser.next(state: "final")
            await rig.hub.reviewConnections()
            #expect(try await browser.pending().isEmpty)
            isAdministrator.withLock { $0 = false }
            await rig.hub.reviewConnections()
            #expect(try await browser.next(type: "error")["code"] == "forbidden")
            await rig.gateway.broadcastRun(sessionKey: "telegram", text: "For administrators")
            #expect(try await browser.pending().isEmpty)
        }
    }

    @Test func aConfigurationThatAsksForKeysSendsStrangersAway() async throws {
        try await Rig.run { rig in
            let stranger = try await rig.browser()
            await rig.hub.reviewConnections()
            #expect(try await stranger.pending().isEmpty)
            var auth = AuthOptions()
            auth.mode = .apiKeys
            let context = Sample.provision(messages: rig.database, keys: rig.database, time: rig.time)
            let stage = Stage(
                name: "auth", kind: "auth", middleware: try await AuthPlugin.provision(auth, in: context))
            await rig.hub.use(ChainSet(standard: Chain(stages: [stage], generation: 2, time: rig.time)))
            await rig.hub.reviewConnections()
            #expect(try await stranger.closeCode() == 4401)
        }
    }

    @Test func strangersLearnWhetherAndNotWhy() async throws {
        var options = Self.options
        options.gatewaysListen = false
        try await Rig.run(options) { rig in
            let bare: JSONValue = ["status": "ready", "gateways": [["id": "home", "connected": false]]]
            #expect(try await rig.http("GET", "/readyz").json == bare)
            #expect(try await rig.http("GET", "/readyz", headers: bearer("wrong")).json == bare)
            let known = try await rig.http("GET", "/readyz", headers: bearer(try await key("ada", rig))).json
            #expect(known["storage"] == "ok")
            #expect(known["gateways"]?[0]?["reason"] != nil)
            for target in ["/health", "/healthz"] {
                #expect(try await rig.http("GET", target).json == ["status": "ok"])
            }
            #expect(try await rig.http("GET", "/openapi.json").status == 401)
        }
    }

    /// The address by which limits count is that of the browser, not of the proxy.
    @Test func aTrustedProxyTellsWhoTheClientIs() async throws {
        var options = Rig.Options()
        options.proxies = [IPNetwork("127.0.0.1")].compactMap { $0 }
        let seen = Mutex<[String?]>([])
        options.stages = [
            .inbound(.gateways) { message, context, next in
                seen.withLock { $0.append(context.connection?.remoteAddress) }
                try await next(message, context)
            }
        ]
        try await Rig.run(options) { rig in
            let headers = [("X-Forwarded-For", "1.1.1.1, 203.0.113.9")]
            _ = try await rig.http("GET", "/api/gateways", headers: headers)
            let browser = try await rig.browser(headers: headers)
            browser.send(["type": "gateways", "id": 1])
            _ = try await browser.result()
            #expect(seen.withLock { $0 } == ["203.0.113.9", "203.0.113.9"])
        }
    }

    @Test func onlyAdministratorsManageGateways() async throws {
        try await Rig.run(Self.options) { rig in
            let user = try await key("ada", rig)
            let body = #"{"name":"New","url":"ws://127.0.0.1:9"}"#
            let refused = try await rig.http("POST", "/api/gateways", headers: bearer(user), body: body)
            #expect(refused.errorCode == "forbidden")
            #expect(try await rig.http("DELETE", "/api/gateways/home", headers: bearer(user)).errorCode == "forbidden")
            let admin = try await rig.database.createKey(user: "root", isAdministrator: true).text
            #expect(try await rig.http("POST", "/api/gateways", headers: bearer(admin), body: body).status == 201)
        }
    }
}
