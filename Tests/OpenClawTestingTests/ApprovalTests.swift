import JSON
import MiddlewareTesting
import Testing

@testable import OpenClawTesting

/// Commands that an agent asks for.
@Suite(.timeLimit(.minutes(1)))
struct ApprovalTests {
    private static let scopes = TestDevice.readAndWrite + ["operator.approvals"]

    /// - Parameter isPatient: Nobody is denied because time is over.
    private func options(isPatient: Bool) -> FakeGateway.Options {
        .test {
            $0.reply = ScriptedReply { _ in [.askApproval(command: "uptime"), .delta("Done.")] }
            // A clock that stands still.
            let time = ManualTime()
            if isPatient { $0.sleep = { try await time.sleep(for: $0) } }
        }
    }

    @Test func aRunWaitsForTheDecision() async throws {
        try await withClient(options(isPatient: true), scopes: Self.scopes) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            let asked = try await client.event("exec.approval.requested")["payload"]
            #expect(asked?["request"]?["command"] == "uptime")
            #expect(asked?["request"]?["sessionKey"] == "agent:main:test")
            let decision: JSONValue = ["id": asked?["id"] ?? .null, "decision": "allow-once"]
            #expect(try await client.request("exec.approval.resolve", decision, id: "r2")["ok"] == true)
            #expect(try await client.event("exec.approval.resolved")["payload"]?["decision"] == "allow-once")
            #expect(try await client.wholeRun().last?.messageText == "The decision is: allow-once. Done.")
        }
    }

    @Test func nobodyWaitsForEver() async throws {
        try await withClient(options(isPatient: false), scopes: Self.scopes) { _, client in
            _ = try await client.request("chat.send", chat("hi"))
            #expect(try await client.event("exec.approval.resolved")["payload"]?["decision"] == "deny")
            #expect(try await client.wholeRun().last?.messageText == "The decision is: deny. Done.")
        }
    }

    @Test func whatAStoppedRunAskedForIsWithdrawn() async throws {
        try await withClient(options(isPatient: true), scopes: Self.scopes) { gateway, client in
            _ = try await client.request("chat.send", chat("hi"))
            _ = try await client.event("exec.approval.requested")
            _ = try await client.request("chat.abort", ["sessionKey": "agent:main:test"], id: "r2")
            #expect(try await client.event("exec.approval.resolved")["payload"]?["decision"] == "deny")
            #expect(try await client.request("exec.approval.list", [:], id: "r3")["payload"]?["approvals"] == [])
        }
    }
}
