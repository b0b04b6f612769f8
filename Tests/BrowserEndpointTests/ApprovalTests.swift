import JSON
import MiddlewareTesting
import NIOCore
import OpenClaw
import OpenClawTesting
import Stages
import Storage
import Testing

@testable import BrowserEndpoint
@testable import OpenClaw

/// Commands of agents that wait for somebody to allow them.
@Suite(.timeLimit(.minutes(1))) struct ApprovalTests {
    private static let path = "/api/gateways/home/approvals"

    private func options(_ policy: ApprovalPolicy) -> Rig.Options {
        var options = Rig.Options()
        options.approvals = policy
        return options
    }

    private func bearer(_ user: String, isAdministrator: Bool = false, _ rig: Rig) async throws -> [(String, String)] {
        let key = try await rig.database.createKey(user: user, isAdministrator: isAdministrator)
        return [("Authorization", "Bearer \(key.text)")]
    }

    @Test func aCommandIsShownAndAllowed() async throws {
        try await Rig.run(options(.administrators)) { rig in
            let connect = try await rig.gateway.nextRequest(method: "connect").parameters
            #expect(connect["scopes"] == ["operator.read", "operator.write", "operator.approvals"])
            #expect(connect["caps"] == ["approvals", "exec-approvals"])
            let browser = try await rig.browser()
            browser.chat("Clean up")
            let run = try await rig.gateway.nextRun()
            await rig.gateway.requestApproval(id: "a1", command: "rm -r /tmp/x", sessionKey: "s")
            let shown = try await browser.next {
                ["approval", "chat"].contains($0["type"]) && $0["state"] != "accepted"
            }
            let status = try await browser.next { ["approval", "chat"].contains($0["type"]) }
            let (approval, waiting) = shown["type"] == "approval" ? (shown, status) : (status, shown)
            #expect(waiting["phase"] == "waiting_for_approval")
            #expect(approval["state"] == "requested")
            #expect(approval["command"] == "rm -r /tmp/x")
            #expect(approval["folder"] == "/srv")
            // As this browser spells it.
            #expect(approval["sessionKey"] == "s")
            // Another browser finds it on coming.
            let late = try await rig.browser()
            #expect(try await late.next(type: "approval")["approvalId"] == "a1")
            late.send(["type": "approve", "id": 1, "approvalId": "a1", "decision": "allow-once"])
            #expect(try await browser.next(type: "approval")["state"] == "allow-once")
            #expect(try await late.result() == [:])
            let resolve = try await rig.gateway.nextRequest(method: "exec.approval.resolve").parameters
            #expect(resolve == ["id": "a1", "decision": "allow-once"])
            await run.final("Done")
            #expect(try await browser.turn("r").text == "Done")
            late.send(["type": "approve", "id": 2, "approvalId": "a1", "decision": "deny"])
            #expect(try await late.next(type: "error")["code"] == "not_found")
        }
    }

    /// Both in one burst: nobody is asked for what was decided already.
    @Test func whatIsDecidedAtOnceDoesNotStay() async throws {
        try await Rig.run(options(.administrators)) { rig in
            let browser = try await rig.browser()
            let json: JSONValue = ["id": "a1", "request": ["command": "ls", "sessionKey": "agent:main:s"]]
            let approval = try #require(ExecApproval(json: json, keys: SessionKeys()))
            let hub = rig.hub
            try await hub.eventLoop.submit {
                hub.gateway("home", didReceive: .approvalRequested(approval))
                hub.gateway("home", didReceive: .approvalDecided(id: "a1", decision: "deny", by: nil))
            }.get()
            await rig.gateway.requestApproval(id: "a2", command: "pwd")
            #expect(try await browser.next(type: "approval")["approvalId"] == "a2")
            #expect(try await rig.http("GET", Self.path).json.array?.map { $0["approvalId"] } == ["a2"])
        }
    }

    @Test func overHTTP() async throws {
        try await Rig.run(options(.administrators)) { rig in
            let browser = try await rig.browser()
            await rig.gateway.requestApproval(id: "a1", command: "ls")
            _ = try await browser.next(type: "approval")
            let list = try await rig.http("GET", Self.path).json
            #expect(list.array?.map { $0["command"] } == ["ls"])
            let bad = try await rig.http("POST", Self.path + "/a1", body: #"{"decision": "maybe"}"#)
            #expect(bad.status == 400)
            #expect(try await rig.http("POST", Self.path + "/a1", body: #"{"decision": "deny"}"#).status == 200)
            #expect(try await rig.http("POST", Self.path + "/a1", body: #"{"decision": "deny"}"#).status == 404)
            #expect(try await rig.http("GET", Self.path).json == [])
        }
    }

    @Test func theyExpire() async throws {
        try await Rig.run(options(.administrators)) { rig in
            let browser = try await rig.browser()
            await rig.gateway.requestApproval(id: "a1", command: "ls", lifetime: 7_000)
            _ = try await browser.next(type: "approval")
            await rig.time.waitForSleeper(of: .seconds(7))
            rig.time.advance(by: .seconds(7))
            #expect(try await browser.next(type: "approval")["state"] == "expired")
            #expect(try await rig.http("GET", Self.path).json == [])
        }
    }

    /// What was decided elsewhere while the gateway was away is not offered any more.
    @Test func afterAReconnectTheyAreListedAgain() async throws {
        try await Rig.run(options(.administrators)) { rig in
            let browser = try await rig.browser()
            await rig.gateway.requestApproval(id: "a1", command: "one")
            _ = try await browser.next(type: "approval")
            await rig.gateway.interrupt(.cut)
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "backing-off" }
            await rig.gateway.decideApproval(id: "a1", decision: "deny", by: "somebody")
            await rig.gateway.requestApproval(id: "a2", command: "two")
            await rig.manager.connectNow(id: "home")
            let first = try await browser.next(type: "approval")
            #expect(first["approvalId"] == "a1")
            #expect(first["state"] == "expired")
            let second = try await browser.next(type: "approval")
            #expect(second["approvalId"] == "a2")
            #expect(second["state"] == "requested")
        }
    }

    @Test(arguments: [ApprovalPolicy.administrators, .owners])
    func onlyThoseWhoMayDecideSeeThem(policy: ApprovalPolicy) async throws {
        var options = options(policy)
        options.auth = .apiKeys
        try await Rig.run(options) { rig in
            let ada = try await bearer("ada", rig)
            let (owner, stranger) = (
                try await rig.browser(headers: ada), try await rig.browser(headers: try await bearer("bob", rig))
            )
            let root = try await rig.browser(headers: try await bearer("root", isAdministrator: true, rig))
            owner.chat("Clean up")
            let run = try await rig.gateway.nextRun()
            await run.delta("Well")
            _ = try await owner.next(state: "delta")
            await rig.gateway.requestApproval(id: "a1", command: "ls", sessionKey: "s")
            _ = try await root.next(type: "approval")
            let seen = try await owner.pending().contains { $0["type"] == "approval" }
            #expect(seen == (policy == .owners))
            #expect(try await !stranger.pending().contains { $0["type"] == "approval" })
            stranger.send(["type": "approve", "id": 1, "approvalId": "a1", "decision": "allow-once"])
            #expect(try await stranger.next(type: "error")["code"] == "not_found")
            let answer = try await rig.http(
                "POST", Self.path + "/a1", headers: ada, body: #"{"decision": "allow-once"}"#)
            #expect(answer.status == (policy == .owners ? 200 : 404))
        }
    }

    @Test func withoutBeingSwitchedOnNothingIsAskedFor() async throws {
        var options = Rig.Options()
        // The gateway grants it, and tells of commands: they are not shown all the same.
        options.scopes.append("operator.approvals")
        try await Rig.run(options) { rig in
            #expect(try await rig.gateway.nextRequest(method: "connect").parameters["caps"] == [])
            let browser = try await rig.browser()
            await rig.gateway.requestApproval(id: "a1", command: "ls")
            await rig.gateway.tick()
            #expect(try await rig.http("GET", Self.path).json == [])
            #expect(try await !browser.pending().contains { $0["type"] == "approval" })
            let answer = try await rig.http("POST", Self.path + "/a1", body: #"{"decision": "deny"}"#)
            #expect(answer.json["error"]?["code"] == "disabled")
        }
    }
}
