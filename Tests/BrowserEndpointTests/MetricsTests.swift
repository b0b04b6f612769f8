import BrowserEndpoint
import MiddlewareKit
import Stages
import Storage
import Testing

@Suite struct MetricsTests {
    @Test func whereNobodyIsAskedForAKeyTheFiguresAreForAll() async throws {
        var options = Rig.Options()
        options.metrics = MetricsPage(isOpen: false) { "# figures\n" }
        try await Rig.run(options) { rig in
            let answer = try await rig.http("GET", "/metrics")
            #expect(answer.status == 200)
            #expect(answer.text == "# figures\n")
            #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    @Test func whereKeysAreAskedForTheFiguresNeedOne() async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        options.metrics = MetricsPage(isOpen: false) { "# figures\n" }
        try await Rig.run(options) { rig in
            let refusal = try await rig.http("GET", "/metrics")
            #expect(refusal.status == 401)
            #expect(!refusal.text.contains("figures"))
            let key = try await rig.database.createKey(user: "prometheus", isAdministrator: false).text
            let answer = try await rig.http("GET", "/metrics", headers: [("Authorization", "Bearer \(key)")])
            #expect(answer.text == "# figures\n")
        }
    }

    @Test func anOptionOpensThem() async throws {
        var options = Rig.Options()
        options.auth = .apiKeys
        options.metrics = MetricsPage(isOpen: true) { "# figures\n" }
        try await Rig.run(options) { rig in
            let answer = try await rig.http("GET", "/metrics")
            #expect(answer.text == "# figures\n")
        }
    }
}
