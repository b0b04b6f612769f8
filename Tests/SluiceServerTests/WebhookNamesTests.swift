import MiddlewareKit
import Settings
import SluiceServer
import Stages
import Testing

@Suite struct WebhookNamesTests {
    private func findings(_ text: String) -> [String] {
        let loaded = SettingsLoader.load(
            text: Array(text.utf8), file: "c", environment: [:], catalog: StageCatalog(BuiltInStages.all))
        var findings = Findings()
        WebhookNames.check(loaded.chains, findings: &findings)
        return findings.all.map(\.description)
    }

    /// Whoever sends a test to it, or asks for its deliveries, would mean either.
    @Test func endpointsOfTwoStagesHaveNamesOfTheirOwn() {
        #expect(
            findings(
                """
                pipeline:
                  - use: persist
                  - use: webhook
                    with: { endpoints: [ { name: u, url: "https://a.test" }, { name: v, url: "https://a.test" } ] }
                  - use: webhook
                    name: other
                    with:
                      endpoints:
                        - { name: w, url: "https://b.test" }
                        - { name: u, url: "https://b.test" }
                """) == [
                    """
                    c:10:19: warning: another webhook stage has an endpoint `u` in line 4, column 34, and calls and commands know \
                    an endpoint by its name alone (give one of them a `name` of its own)
                    """
                ])
    }

    /// What has no name is called by its address.
    @Test func endpointsWithoutANameAreComparedToo() {
        let endpoint = #"with: { endpoints: [ { url: "https://a.test/x" } ] }"#
        let all = findings(
            """
            pipeline:
              - { use: persist }
              - { use: webhook, \(endpoint) }
              - { use: webhook, name: other, \(endpoint) }
            """)
        #expect(all.count == 1 && all.first?.hasPrefix("c:4:") == true)
        #expect(all.first?.contains("another webhook stage has an endpoint `a.test-") == true)
    }

    /// The events of both would go to the endpoints of one.
    @Test func stagesOfTwoChainsThatDifferHaveNamesOfTheirOwn() {
        func findings(override: String) -> [String] {
            self.findings(
                """
                pipeline:
                  - use: persist
                  - { use: webhook, with: { endpoints: [ { name: u, url: "https://a.test" } ] } }
                chains:
                  guests: { override: { webhook: \(override) } }
                attach:
                  - { chain: guests, when: agent == faq }
                """)
        }
        let endpoints = #"with: { endpoints: [ { name: v, url: "https://b.test" } ] }"#
        #expect(
            findings(override: "{ \(endpoints) }") == [
                """
                c:5:25: error: the webhook stage `webhook` has other options in line 3, column 12; events go by the name of \
                their stage, so one of the two would deliver those of both (give this one a `name` of its own)
                """
            ])
        #expect(findings(override: "{ name: other, \(endpoints) }") == [])
        // It is one stage.
        #expect(findings(override: "{ when: user == ada }") == [])
    }
}
