import Foundation
import SluiceServer
import Testing

/// The files of `house-rules` in the repository, which are built and tested, are what `sluice stage new` makes.
///
/// After a change of the template: `SLUICE_WRITE_DOCS=1 swift test --filter StageTemplateTests`.
@Suite struct StageTemplateTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    @Test func theExampleIsWhatTheTemplateMakes() throws {
        for (path, text) in try #require(StageTemplate(kind: "house-rules")).files {
            let file = Self.root.appending(path: path)
            if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] != nil {
                try text.write(to: file, atomically: true, encoding: .utf8)
            } else {
                #expect(try String(contentsOf: file, encoding: .utf8) == text, "\(path)")
            }
        }
    }

    @Test func anotherNameGivesOtherTypes() throws {
        let template = try #require(StageTemplate(kind: "my-2nd-stage"))
        #expect(template.type == "My2ndStage")
        #expect(
            template.files.map(\.path) == [
                "Plugins/My2ndStage/My2ndStage.swift", "Plugins/My2ndStage/My2ndStageOptions.swift",
                "Tests/PluginsTests/My2ndStage/My2ndStageTests.swift", "docs/stages/my-2nd-stage.md",
            ])
        #expect(template.files.allSatisfy { !$0.text.contains("HouseRules") && !$0.text.contains("house-rules") })
    }

    @Test(arguments: ["", "My", "a_b", "-a", "a--b", "2nd", "ä", "a b", "../x"])
    func namesThatAreNoKindAreRefused(name: String) { #expect(StageTemplate(kind: name) == nil) }
}
