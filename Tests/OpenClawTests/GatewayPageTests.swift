import Foundation
import Testing

@testable import OpenClaw

/// docs/gateway.md shows the table of connect errors as it is in the source.
///
/// After a change of the table: `SLUICE_WRITE_DOCS=1 swift test --filter GatewayPageTests`.
@Suite struct GatewayPageTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/gateway.md").standardized
    private static let start = "<!-- The tables below are made from the source. -->\n"

    @Test func thePageIsFresh() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let head = try #require(text.range(of: Self.start))
        let tables = Self.tables
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] != nil {
            try (text[..<head.upperBound] + tables).write(to: Self.page, atomically: true, encoding: .utf8)
        } else {
            #expect(String(text[head.upperBound...]) == tables)
        }
    }

    @Test func everyStateIsOnThePage() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        for state in GatewayStatus.State.allCases { #expect(text.contains("| `\(state.rawValue)` |"), "\(state)") }
    }

    private static var tables: String {
        """

        ### What a gateway says

        \(table(ConnectError.gatewayErrors + [.unknown]))
        ### What happens on the way

        \(table(ConnectError.networkErrors))
        """
    }

    private static func table(_ rows: [ConnectError]) -> String {
        rows.reduce(into: "| code | what Sluice shows | what to do | tried again |\n|---|---|---|---|\n") { text, row in
            let codes = row.codes.map { $0.contains(" ") ? $0 : "`\($0)`" }.joined(separator: ", ")
            let remedy = row.remedy.replacing("<", with: "&lt;")
            text += "| \(codes) | \(row.reason) | \(remedy) | \(row.retryWords) |\n"
        }
    }
}
