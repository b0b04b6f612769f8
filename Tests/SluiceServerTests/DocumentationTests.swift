import Foundation
import JSON
import MiddlewareKit
import Settings
import SluiceServer
import Stages
import Testing

/// What the documentation tells people to write is good.
@Suite struct DocumentationTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    /// A block of YAML in a page, with where it stands.
    struct Example: Sendable, CustomTestStringConvertible {
        let place: String
        let text: String
        var testDescription: String { place }
    }

    /// Blocks whose first line names a file of another program, such as `# prometheus.yml`, are not for Sluice, and what stands in
    /// libraries is not known here.
    static let examples: [Example] = {
        let docs = FileManager.default.enumerator(atPath: root.path + "/docs")?.compactMap { $0 as? String } ?? []
        let pages = ["README.md"] + docs.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
        return pages.flatMap { page -> [Example] in
            guard let text = try? String(contentsOf: root.appending(path: page), encoding: .utf8) else { return [] }
            return text.matches(of: /(?ms)^```yaml\n(.*?)^```/).compactMap { match in
                let line = text[..<match.range.lowerBound].count { $0 == "\n" } + 2
                guard match.1.prefixMatch(of: /# \S+\.yml\n|plugins:/) == nil else { return nil }
                return Example(place: "\(page):\(line)", text: String(match.1))
            }
        }
    }()

    @Test(arguments: examples)
    func examplesAreGood(_ example: Example) {
        #expect(Self.findings(in: Self.whole(example.text)) == [])
    }

    @Test func thereAreExamples() { #expect(Self.examples.count >= 25) }

    @Test(arguments: ["config.yaml", "docs/webhook-examples.yaml"])
    func filesAreGood(_ name: String) throws {
        #expect(Self.findings(in: try String(contentsOf: Self.root.appending(path: name), encoding: .utf8)) == [])
    }

    /// A list is a part of a configuration: of a pipeline, or of a webhook stage.
    private static func whole(_ text: String) -> String {
        guard text.hasPrefix("- ") else { return text }
        guard !text.contains("use: ") else { return "pipeline:\n" + text }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { "        \($0)" }
        return "pipeline:\n  - use: persist\n  - use: webhook\n    with:\n      endpoints:\n"
            + lines.joined(separator: "\n")
    }

    private static func findings(in text: String) -> [String] {
        var environment: [String: String] = [:]
        for match in text.matches(of: /\$\{([A-Z_]+)\}/) {
            let name = String(match.1)
            environment[name] =
                switch name {
                case _ where name.hasSuffix("_URL"): "https://example.com/"
                case _ where name.hasSuffix("_SECRET"): "whsec_" + String(repeating: "A", count: 32)
                default: "value"
                }
        }
        let loaded = SettingsLoader.load(
            text: Array(text.utf8), file: "example", environment: environment, catalog: StageCatalog.ofProgram().catalog
        )
        return loaded.findings.all.map(\.description)
    }

    private static let plugins = StageCatalog.ofProgram().catalog.plugins

    /// `config.schema.json` knows the stages that come with Sluice. Those of other folders in `Plugins` may be in it too.
    ///
    /// After a change of options: `SLUICE_WRITE_DOCS=1 swift test --filter DocumentationTests`.
    @Test func theSchemaIsFresh() throws {
        let file = Self.root.appending(path: "config.schema.json")
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] != nil {
            let document = ConfigSchema.document(catalog: Self.plugins)
            try (document.laidOut() + "\n").write(to: file, atomically: true, encoding: .utf8)
        }
        let text = try String(contentsOf: file, encoding: .utf8)
        let uses = try JSONValue(parsing: text)["$defs"]?["stage"]?["properties"]?["use"]?["anyOf"]?.array ?? []
        let known = Set(uses.compactMap { $0["const"]?.string })
        #expect(known.isSuperset(of: BuiltInStages.all.map { $0.kind }))
        let document = ConfigSchema.document(catalog: Self.plugins.filter { known.contains($0.kind) })
        #expect(text == document.laidOut() + "\n")
    }
}
