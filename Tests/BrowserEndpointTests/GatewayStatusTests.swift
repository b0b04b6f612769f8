import JSON
import OpenClawTesting
import Testing

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
}
