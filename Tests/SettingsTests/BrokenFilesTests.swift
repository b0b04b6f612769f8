import Foundation
import JSON
import MiddlewareKit
import Settings
import Stages
import Testing

/// Each file of the folder `Broken` has a mistake that people make; beside it stands what they are told.
///
/// After a change of words: `SLUICE_WRITE_DOCS=1 swift test --filter BrokenFilesTests`, and read what changed.
@Suite struct BrokenFilesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Broken")
    static let names: [String] = {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return all.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }()

    private static func report(_ name: String) throws -> FindingReport {
        let file = folder.appending(path: name + ".yaml").path
        // Only what stands in the files counts, not the rights that a checkout gives them.
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file)
        let environment = ["HOOK_SECRET": "hunter2", "PORT": "eighty"]
        return FindingReport(
            try SettingsLoader.load(path: file, environment: environment, catalog: StageCatalog(BuiltInStages.all)))
    }

    @Test func thereAreSixty() { #expect(Self.names.count >= 60) }

    @Test(arguments: names)
    func tellsWhatIsWrong(_ name: String) throws {
        let report = try Self.report(name)
        let text = report.text.replacing(Self.folder.path + "/", with: "")
        let expected = Self.folder.appending(path: name + ".txt")
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] != nil {
            try text.write(to: expected, atomically: true, encoding: .utf8)
        } else {
            #expect(text == (try String(contentsOf: expected, encoding: .utf8)))
        }
        #expect(!report.findings.isEmpty)
        #expect(!text.contains("hunter2"))
    }

    @Test func theSameForPrograms() throws {
        let report = try Self.report("unknown-key")
        let finding = try #require(report.json["findings"]?[0])
        #expect(report.json["good"] == false && report.json["errors"] == 1)
        #expect(finding["line"] == 2 && finding["column"] == 3 && finding["severity"] == "error")
        #expect(finding["hint"] == "did you mean `port`?")
        let result = try #require(report.sarif(version: "1")["runs"]?[0]?["results"]?[0])
        let region = result["locations"]?[0]?["physicalLocation"]?["region"]
        #expect(region?["startLine"] == 2 && region?["startColumn"] == 3)
        #expect(result["level"] == "error")
    }

    @Test func pathsAreWrittenAsURIs() {
        let loaded = SettingsLoader.load(
            text: Array("prot: 1".utf8), file: "a b/ü:%.yaml", environment: [:], catalog: StageCatalog([]))
        let result = FindingReport(loaded).sarif(version: "1")["runs"]?[0]?["results"]?[0]
        let uri = result?["locations"]?[0]?["physicalLocation"]?["artifactLocation"]?["uri"]
        #expect(uri == "a%20b/%C3%BC%3A%25.yaml")
    }

    @Test func strictMakesWarningsErrors() {
        let text = "pipeline: [ { use: persist }, { use: thinking-strip } ]\n"
        let loaded = SettingsLoader.load(
            text: Array(text.utf8), file: "c", environment: [:], catalog: StageCatalog(BuiltInStages.all))
        #expect(!FindingReport(loaded).hasErrors && FindingReport(loaded).summary == "1 warning")
        #expect(FindingReport(loaded, isStrict: true).summary == "1 error")
    }
}
