import Foundation
import FoundationNetworking
import Testing

/// Which series /metrics has from the beginning, and which it has no more. Alerts go by that.
@Suite(.timeLimit(.minutes(2))) struct MetricSeriesTests {
    private static func metrics(_ port: Int) async throws -> String {
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/metrics"))
        return String(decoding: try await URLSession.shared.data(from: url).0, as: UTF8.self)
    }

    private static let good = """
        server: { port: 0 }
        log: { level: error }
        pipeline:
          - { use: auth, with: { mode: none } }
          - use: persist
          - use: webhook
            with: { endpoints: [ { name: ops, url: "https://example.com/hook", events: [message.error] } ] }

        """

    @Test func whatNeverHappenedIsZeroAndWhatIsGoneIsGone() async throws {
        let folder = try SluiceProcess.makeFolder()
        let away = Self.good + "gateways: [ { id: away, url: \"ws://127.0.0.1:1\" } ]\n"
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: away)

        var text = ""
        // The stage reads its endpoints soon after the start.
        while !text.contains("sluice_webhook_attempts_total{endpoint=\"ops\"") { text = try await Self.metrics(port) }
        for outcome in ["delivered", "failed", "dead"] {
            #expect(text.contains("sluice_webhook_attempts_total{endpoint=\"ops\",outcome=\"\(outcome)\"} 0\n"))
        }
        #expect(text.contains("sluice_gateway_state{gateway=\"away\",state=\"ready\"} 0\n"))
        #expect(text.contains("sluice_gateway_waiting_messages{gateway=\"away\"}"))
        #expect(text.contains("sluice_gateway_frames_received_total{gateway=\"away\"}"))
        #expect(!text.contains("sluice_gateway_handshake_seconds{gateway=\"away\"}"))

        try Data(Self.good.utf8).write(to: folder.appending(path: "config.yaml"))
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)/api/config/reload")))
        request.httpMethod = "POST"
        let (_, answer) = try await URLSession.shared.data(for: request)
        #expect((answer as? HTTPURLResponse)?.statusCode == 200)
        text = try await Self.metrics(port)
        #expect(!text.contains("gateway=\"away\""))
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }
}
