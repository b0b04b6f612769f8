import JSON
import MiddlewareKit
import OpenClaw
import OpenClawTesting
import Stages
import Storage
import Testing

@testable import BrowserEndpoint

/// The state of a gateway reads the same everywhere.
@Suite(.timeLimit(.minutes(1))) struct GatewayStatusTests {
    @Test func aConnectedGateway() async throws {
        try await Rig.run { rig in
            _ = try await rig.browser()
            let status = try await rig.http("GET", "/api/gateways/home/status").json
            #expect(status["state"] == "ready")
            #expect(status["connected"] == true)
            #expect(status["attempts"] == 0)
            #expect(status["protocol"] == 4)
            #expect(status["serverVersion"] == "fake")
            #expect(status["since"]?.int != nil)
            #expect(status["latencyMs"]?.int != nil)
            #expect(status["retryAt"] == nil)
            #expect(status["reason"] == nil)
            let ready = try await rig.http("GET", "/readyz").json["gateways"]?[0]
            for name in ["state", "connected", "attempts", "protocol", "serverVersion", "since", "latencyMs"] {
                #expect(ready?[name] == status[name], "\(name)")
            }
        }
    }

    /// Such as a token that the gateway refused while it took the device's own.
    @Test func whatIsWrongWithAConnectionThatIsUpIsForAdministrators() {
        var status = GatewayStatus(state: .ready, since: Timestamp(milliseconds: 0))
        status.reason = "something is missing"
        #expect(status.told(to: nil, of: "home").reason == nil)
        status.state = .refused
        #expect(status.told(to: nil, of: "home").reason == "the gateway “home” cannot be reached")
    }

    /// Who has granted what was missing need not wait for the next attempt.
    @Test func aLimitedGatewayIsAskedAgainAtOnce() async throws {
        var options = Rig.Options()
        options.gateway.faults = [.grantOnly(scopes: ["operator.read"])]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            let status = try await rig.http("GET", "/api/gateways/home/status").json
            #expect(status["state"] == "limited" && status["retryAt"]?.int != nil)
            await rig.gateway.setFaults([])
            #expect(try await rig.http("POST", "/api/gateways/home/connect").json["state"] == "connecting")
            _ = try await browser.next { $0["type"] == "gateway" && $0["state"] == "ready" }
            #expect(try await rig.http("POST", "/api/gateways/home/connect").json["state"] == "ready")
            #expect(try await rig.http("POST", "/api/gateways/mars/connect").status == 404)
        }
    }

    @Test func aRefusedGatewayTellsWhatToDoEverywhere() async throws {
        var options = Rig.Options()
        options.gateway.faults = [.refuseConnect(.pairingRequired(requestID: "req-7"))]
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            var status = try await rig.http("GET", "/api/gateways/home/status").json
            if status["state"] != "pairing" {
                status = try await browser.next { $0["type"] == "gateway" && $0["state"] == "pairing" }
            }
            #expect(status["connected"] == false)
            #expect(status["code"] == "PAIRING_REQUIRED")
            #expect(status["remedy"] == "On the gateway, run: openclaw devices approve req-7")
            #expect(status["lastError"] == status["reason"])
            #expect(status["attempts"] == 1)
            #expect(try #require(status["retryAt"]?.int) > #require(status["since"]?.int))
            let ready = try await rig.http("GET", "/readyz").json["gateways"]?[0]
            #expect(ready?["remedy"] == status["remedy"])
        }
    }

    /// Where a gateway is, and what to do about it, is for those who look after it.
    @Test func aUserIsToldThatItCannotBeReached() async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        options.gatewaysListen = false
        try await Rig.run(options) { rig in
            func bearer(_ user: String, isAdministrator: Bool) async throws -> [(String, String)] {
                let key = try await rig.database.createKey(user: user, isAdministrator: isAdministrator).text
                return [("Authorization", "Bearer \(key)")]
            }
            let ada = try await bearer("ada", isAdministrator: false)
            let root = try await bearer("root", isAdministrator: true)
            let browser = try await rig.browser(headers: ada)
            let boss = try await rig.browser(headers: root)
            for path in ["/api/gateways/home/status", "/readyz"] {
                func row(_ headers: [(String, String)]) async throws -> JSONValue? {
                    let answer = try await rig.http("GET", path, headers: headers).json
                    return answer["gateways"]?[0] ?? answer
                }
                var whole = try await row(root)
                // The first attempt may be under way still.
                while whole?["lastError"] == nil { whole = try await row(root) }
                #expect(whole?["lastError"]?.string?.contains("127.0.0.1") == true)
                let told = try #require(try await row(ada))
                #expect(told["connected"] == false && told["state"] != nil)
                for name in ["lastError", "remedy", "code"] { #expect(told[name] == nil, "\(name)") }
                #expect(!told.encoded().contains("127.0.0.1"))
            }
            browser.chat("Hello")
            let error = try await browser.next(type: "error")
            #expect(error["message"] == "The gateway “home” cannot be reached.")
            boss.chat("Hello")
            let words = try await boss.next(type: "error")["message"]?.string ?? ""
            #expect(words.contains("127.0.0.1") && words.hasPrefix("The gateway “home” is not connected: "), "\(words)")
            // A new attempt is told to both, to each in its own words.
            _ = try await rig.http("POST", "/api/gateways/home/connect", headers: root)
            let frame = try await browser.next { $0["type"] == "gateway" && $0["reason"] != nil }
            #expect(frame["reason"] == "the gateway “home” cannot be reached" && frame["lastError"] == nil)
            let own = try await boss.next { $0["type"] == "gateway" && $0["reason"] != nil }
            #expect(own["reason"]?.string?.contains("127.0.0.1") == true)
        }
    }
}
