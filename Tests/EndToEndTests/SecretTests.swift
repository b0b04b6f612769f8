import Foundation
import FoundationNetworking
import JSON
import OpenClawTesting
import Testing

/// Secrets of a configuration come out nowhere.
@Suite struct SecretTests {
    private static let secrets = [
        "plant-in-clear", "plant-in-environment", "plant-in-file", "plant-in-mistake", "plant-in-url",
        "plant-in-header",
        "plant-in-program", "plant-in-trace", key, otherKey,
    ]
    private static let key = Data("plant-in-signing-key-1234".utf8).base64EncodedString()
    private static let otherKey = Data("plant-in-another-key-1234".utf8).base64EncodedString()

    private static func configuration(_ url: String, _ more: String = "") -> String {
        """
        server: { port: 0 }
        log: { level: trace, format: json }
        gateways:
          - { id: clear, url: "\(url)", token: plant-in-clear, password: plant-in-clear }
          - { id: environment, url: "\(url)", token: "${PLANT:-plant-in-environment}" }
          - { id: file, url: "\(url)", token: "${file:token}" }
        traces: { endpoint: "http://127.0.0.1:9/v1/traces", headers: { X-Key: plant-in-trace } }
        pipeline:
          - { use: auth, with: { mode: none } }
          - use: process
            with:
              command: [sh, -c, 'read hello; echo "{\\"protocol\\":1,\\"handles\\":{}}"; cat >/dev/null']
              environment: { KEY: plant-in-program }
          - use: http
            on-error: open
            with:
              allow-private: [127.0.0.0/8]
              ports: [9]
              url: "http://127.0.0.1:9/plant-in-url?key=plant-in-url"
              secret: whsec_\(key)
              headers: { X-Key: plant-in-header }
          - { use: route, when: 'user == "${file:token}"', with: { to: [ { gateway: "${file:token}" } ] } }
          - use: persist
          - use: webhook
            with:
              allow-private: [127.0.0.0/8]
              ports: [9]
              endpoints:
                - { url: "http://127.0.0.1:9/plant-in-url", secret: whsec_\(key), headers: { X-Key: plant-in-header } }
        chains: { other: {} }
        attach: [ { chain: other, when: 'user == "${file:token}"' } ]
        \(more)
        """
    }

    private func ask(_ port: Int, _ path: String, method: String = "GET") async throws -> String {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        return String(decoding: try await URLSession.shared.data(for: request).0, as: UTF8.self)
    }

    private func expectNoSecret(_ text: String, _ what: String) {
        for secret in Self.secrets { #expect(!text.contains(secret), "\(what) tells a secret") }
    }

    @Test func noCommandTellsOne() async throws {
        let folder = try SluiceProcess.makeFolder()
        try Data("plant-in-file\n".utf8).write(to: folder.appending(path: "token"))
        let file = folder.appending(path: "config.yaml")
        let good = Self.configuration("ws://127.0.0.1:9")
        let bad = good + "\nserver: { prot: 1 }\npipeline: [ { use: auth, with: { tokn: plant-in-mistake } } ]\n"
        for text in [good, bad] {
            try Data(text.utf8).write(to: file)
            for arguments in [
                ["check"], ["check", "--format", "json"], ["check", "--format", "sarif"], ["check", "--strict"],
                ["explain"], ["explain", "--kind", "chat"], ["gateway", "list"],
            ] {
                let result = try await SluiceProcess.run(arguments, in: folder)
                #expect(!(result.output + result.errors).isEmpty)
                expectNoSecret(result.output + result.errors, "sluice \(arguments.joined(separator: " "))")
            }
        }
    }

    @Test func noAnswerTellsOne() async throws {
        var options = FakeGateway.Options()
        options.sleep = { _ in }
        let gateway = FakeGateway(options: options)
        try await gateway.start()
        let folder = try SluiceProcess.makeFolder()
        try Data("plant-in-file\n".utf8).write(to: folder.appending(path: "token"))
        let configuration = Self.configuration(await gateway.url)
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: configuration)
        for path in [
            "/api/gateways", "/api/gateways/clear/status", "/api/config", "/api/pipeline", "/readyz", "/metrics",
        ] {
            expectNoSecret(try await ask(port, path), path)
        }
        let browser = try await BrowserClient.connect(port: port)
        expectNoSecret(try await browser.next(type: "hello").encoded(), "hello")
        // Makes the calls of the stages, which fail, and the log says why.
        browser.send(["type": "chat", "gateway": "clear", "sessionKey": "agent:main:one", "message": "Hello"])
        var turn = Turn()
        while !turn.isOver { turn.take(try await browser.next { $0["type"] == "chat" || $0["type"] == "error" }) }
        #expect(turn.states.last == "final")
        for path in ["/api/webhooks/endpoints", "/api/webhooks/deliveries"] {
            let answer = try await ask(port, path)
            expectNoSecret(answer, path)
        }

        // A secret that changes is a change; what it was and is stays untold.
        let changed = configuration.replacing("token: plant-in-clear", with: "token: plant-in-mistake")
            .replacing(Self.key, with: Self.otherKey).replacing("plant-in-url", with: "plant-in-url-too")
            .replacing("plant-in-header", with: "plant-in-header-too")
        try Data(changed.utf8).write(to: folder.appending(path: "config.yaml"))
        let dry = try await ask(port, "/api/config/reload?dry-run=true", method: "POST")
        for path in [
            "gateways.clear.token", "pipeline.http.with.secret", "pipeline.webhook.with.endpoints[1].secret",
            "pipeline.webhook.with.endpoints[1].headers.X-Key", "pipeline.webhook.with.endpoints[1].url",
        ] {
            #expect(dry.contains("\"\(path)\""), "\(path) is not told")
        }
        expectNoSecret(dry, "dry run")
        try Data((changed + "\ntokn: plant-in-mistake\n").utf8).write(to: folder.appending(path: "config.yaml"))
        expectNoSecret(try await ask(port, "/api/config/reload", method: "POST"), "reload")
        expectNoSecret(try await ask(port, "/api/config"), "/api/config")
        try Data(changed.utf8).write(to: folder.appending(path: "config.yaml"))
        let applied = try await ask(port, "/api/config/reload", method: "POST")
        #expect(applied.contains("\"applied\""))
        expectNoSecret(applied, "reload")
        for path in ["/api/config", "/api/pipeline"] { expectNoSecret(try await ask(port, path), path) }
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
        let log = try String(contentsOf: folder.appending(path: "log.txt"), encoding: .utf8)
        #expect(log.contains("generation"))
        // The parts go by names there, not by what they hold.
        #expect(log.contains("\"traces\"") && !log.contains("OTLPExporter"))
        expectNoSecret(log, "the log")
        // What `check` would warn of is for machines here.
        let warnings = log.split(separator: "\n").filter { $0.contains(": warning: ") }
        #expect(!warnings.isEmpty && warnings.allSatisfy { $0.hasPrefix("{") })
        await gateway.stop()
    }
}
