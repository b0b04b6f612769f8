import JSON
import OpenClaw
import OpenClawTesting
import Stages
import Storage
import Testing

@testable import MiddlewareKit

/// `commands: block`: users cannot give commands to a gateway, on whatever way.
@Suite(.timeLimit(.minutes(1))) struct CommandTests {
    private static func options(_ gateways: [String] = ["home"]) -> Rig.Options {
        var options = Rig.Options()
        options.auth = .apiKeys
        options.gateways = gateways
        return options
    }

    private func browser(_ rig: Rig, isAdministrator: Bool = false) async throws -> Browser {
        let key = try await rig.database.createKey(user: "ada", isAdministrator: isAdministrator).text
        return try await rig.browser(headers: [("Authorization", "Bearer \(key)")])
    }

    private func chat(_ browser: Browser, _ text: String, run: String = "r") {
        browser.send([
            "type": "chat", "gateway": "home", "sessionKey": "s", "message": .string(text),
            "idempotencyKey": .string(run),
        ])
    }

    /// Gateways remove what cannot be seen before they look for a slash.
    @Test(arguments: [
        "/reset", " \n/reset", "\u{1}/reset", "\u{200B}\u{FEFF}/reset", "/\u{301}reset", "\u{85}\u{2028}/new",
    ])
    func commandsAreRefusedAndNotStored(text: String) async throws {
        var options = Self.options()
        options.blockingGateways = ["home"]
        try await Rig.run(options) { rig in
            let browser = try await browser(rig)
            chat(browser, text)
            #expect(try await browser.next(type: "error")["code"] == "command_blocked")
            chat(browser, "either/or", run: "fine")
            let run = try await rig.gateway.nextRun()
            #expect(run.prompt.message == "either/or")
            await run.final("Well")
            _ = try await browser.turn("fine")
            browser.send(["type": "history", "sessionKey": "s", "id": "h"])
            #expect(try await browser.result()["messages"]?.array?.count == 2)
        }
    }

    @Test func administratorsMay() async throws {
        var options = Self.options()
        options.blockingGateways = ["home"]
        try await Rig.run(options) { rig in
            let browser = try await browser(rig, isAdministrator: true)
            chat(browser, "/status")
            #expect(try await rig.gateway.nextRun().prompt.message == "/status")
        }
    }

    /// A stage that rewrites text may make a command of it.
    @Test func whatAStageMakesIsLookedAtAsWell() async throws {
        var options = Self.options()
        options.blockingGateways = ["home"]
        options.stages = [
            .inbound(.chat) { message, context, next in
                var message = message
                message.text = "/" + message.text
                try await next(message, context)
            }
        ]
        try await Rig.run(options) { rig in
            let browser = try await browser(rig)
            chat(browser, "reset")
            let turn = try await browser.turn("r")
            #expect(turn.last["state"] == "error" && turn.last["error"]?["code"] == "command_blocked")
            #expect(await !rig.gateway.requests.contains { $0.method == "chat.send" })
        }
    }

    /// The gateway that gets the message decides.
    @Test(arguments: [(["spare"], false), (["home"], true)])
    func theTargetOfARouteDecides(blocking: [String], isAllowed: Bool) async throws {
        var options = Self.options(["home", "spare"])
        options.blockingGateways = Set(blocking)
        var (route, target) = (RouteOptions(), RouteTarget())
        target.gateway = "spare"
        route.to = [target]
        options.route = route
        try await Rig.run(options) { rig in
            let browser = try await browser(rig)
            chat(browser, "/reset")
            if isAllowed {
                #expect(try await rig.gateways[1].nextRun().prompt.message == "/reset")
            } else {
                #expect(try await browser.next(type: "error")["code"] == "command_blocked")
                #expect(try await rig.database.session(gateway: "home", key: "agent:main:s") == nil)
            }
        }
    }

    /// Only messages that the stage looks at are its affair.
    @Test func whatIsNotRoutedNeedsItsOwnGateway() async throws {
        var options = Self.options(["home", "spare"])
        var (route, target) = (RouteOptions(), RouteTarget())
        target.gateway = "spare"
        route.to = [target]
        options.route = route
        options.routeCondition = try Condition(parsing: "user == bob")
        options.whileAway = .reject
        try await Rig.run(options) { rig in
            let browser = try await browser(rig)
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            chat(browser, "Hello")
            #expect(try await browser.next(type: "error")["code"] == "gateway_unavailable")
            #expect(try await rig.database.session(gateway: "home", key: "agent:main:s") == nil)
        }
    }
}
