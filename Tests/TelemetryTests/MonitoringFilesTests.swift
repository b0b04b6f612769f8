import Foundation
import Telemetry
import Testing

/// The dashboard and the alerts in `docs/monitoring`, and the table in `docs/analytics.md`, name metrics that exist.
@Suite struct MonitoringFilesTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs").standardized

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.docs.appending(path: path), encoding: .utf8)
    }

    /// All words of a text that look like metrics, without what a histogram adds to its name.
    private func names(in text: String) -> Set<String> {
        let known = Set(MetricDescription.all.map(\.name))
        return Set(
            text.matches(of: /sluice_[a-z_]+/).map { match in
                let name = String(match.0)
                for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) && !known.contains(name) {
                    return String(name.dropLast(suffix.count))
                }
                return name
            })
    }

    private let known = Set(MetricDescription.all.map(\.name))

    @Test func theDashboardCanBeReadAndShowsMetricsThatExist() throws {
        let text = try text("monitoring/grafana.json")
        let json = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        let panels = try #require(json?["panels"] as? [[String: Any]])
        #expect(panels.count >= 10)
        for panel in panels {
            let targets = panel["targets"] as? [[String: Any]] ?? []
            #expect(!targets.isEmpty)
            for target in targets {
                let found = names(in: target["expr"] as? String ?? "")
                #expect(!found.isEmpty && found.isSubset(of: known), "\(found)")
            }
        }
    }

    @Test func theAlertsNameMetricsThatExist() throws {
        let text = try text("monitoring/alerts.yaml")
        let found = names(in: text)
        #expect(found.isSubset(of: known), "\(found.subtracting(known))")
        let alerts = text.matches(of: /- alert: Sluice[A-Za-z]+\n {8}expr:/)
        #expect(alerts.count == text.matches(of: /- alert:/).count && alerts.count >= 5)
    }

    /// A metric that is declared and not listed has handles that do nothing.
    @Test func everyDeclaredMetricIsListed() throws {
        let source = try String(
            contentsOf: Self.docs.appending(path: "../Sources/Telemetry/MetricDescription+all.swift").standardized,
            encoding: .utf8)
        let declared = source.matches(of: /static let \w+ = MetricDescription\(\s*"(sluice_[a-z_]+)"/).map {
            String($0.output.1)
        }
        #expect(declared.count > 20)
        #expect(declared.sorted() == known.sorted())
    }

    @Test func thePageNamesEveryMetric() throws {
        let found = names(in: try text("analytics.md"))
        #expect(found == known, "\(found.symmetricDifference(known))")
    }
}
