import BrowserEndpoint
import JSON
import OpenClaw
import OpenClawTesting
import Testing

/// Whatever one gateway sends, browsers and other gateways go on.
@Suite(.timeLimit(.minutes(1))) struct BadGatewayTests {
    private static var options: Rig.Options {
        var options = Rig.Options()
        options.gateways = ["home", "other"]
        return options
    }

    /// A chat through the second gateway, as if nothing had happened.
    private func chatElsewhere(_ rig: Rig, _ browser: Browser) async throws {
        browser.send([
            "type": "chat", "gateway": "other", "sessionKey": "s", "message": "Hello", "idempotencyKey": "o",
        ])
        await (try await rig.gateways[1].nextRun()).final("Fine")
        #expect(try await browser.turn("o").text == "Fine")
    }

    /// JSON that is nested too deeply, numbers that no machine has, and half of everything: it is passed over.
    @Test func nonsenseIsPassedOver() async throws {
        let depth = 100_000
        let frames = [
            #"{"type":"event","event":"chat","payload":"#
                + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}",
            String(repeating: #"{"a":"#, count: depth),
            #"{"type":"event","event":"chat","payload":{"runId":"r","sessionKey":"agent:main:s","state":"delta","#
                + #""deltaText":"x","seq":1e999}}"#,
            #"{"type":"event","event":"tick","seq":99999999999999999999999999999999}"#,
            #"{"type":"res","id":18446744073709551616,"ok":true}"#,
            #"{"type":"event","event":"chat","payload":{"state":"#,
            "", "null", "[]", "\u{0}",
        ]
        try await Rig.run(Self.options) { rig in
            let browser = try await rig.browser()
            browser.send([
                "type": "chat", "gateway": "home", "sessionKey": "s", "message": "Hello", "idempotencyKey": "r",
            ])
            let run = try await rig.gateway.nextRun()
            for frame in frames { await rig.gateway.send(raw: frame) }
            await run.final("All is well")
            #expect(try await browser.turn("r").text.hasSuffix("All is well"))
            try await chatElsewhere(rig, browser)
        }
    }

    /// More than a gateway may send at once: it is left, and come back to later.
    @Test func aFrameOfThirtyMegabytesCostsItsOwnConnectionOnly() async throws {
        try await Rig.run(Self.options) { rig in
            let browser = try await rig.browser()
            let text = String(repeating: "x", count: 30_000_000)
            await rig.gateway.send(raw: #"{"type":"event","event":"chat","payload":{"deltaText":"\#(text)"}}"#)
            let change = try await browser.next { $0["type"] == "gateway" && $0["connected"] == false }
            #expect(change["gateway"] == "home")
            #expect(change["reason"]?.string?.isEmpty == false)
            try await chatElsewhere(rig, browser)
        }
    }
}
