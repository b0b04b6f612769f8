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

    /// Types of a stage are seen by all stages: none may hide a type that another one uses, or that its own files use.
    @Test(arguments: ["notice", "string", "next", "option", "rejection", "secret", "stage", "option-group"])
    func noNameClashes(kind: String) throws {
        let template = try #require(StageTemplate(kind: kind))
        let ends = ["Stage", "Options", "Plugin", "Tests"]
        for file in template.files where file.path.hasSuffix(".swift") {
            for match in file.text.matches(of: /(?m)^(?:@Suite )?(?:struct|enum) (\w+)/) {
                let name = String(match.1)
                #expect(ends.contains { name == template.type + $0 }, "\(name)")
            }
        }
    }

    /// With their ends they are names that there are already, in what a stage or its test imports.
    @Test func kindsWhoseTypesThereAreAreRefused() throws {
        var names: Set<String> = []
        for folder in ["Sources/MiddlewareKit", "Sources/MiddlewareTesting", "Tests/PluginsTests"] {
            let root = Self.root.appending(path: folder)
            let files = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
            // Folders of the tests are of stages.
            for file in files where file.hasSuffix(".swift") && (!folder.hasPrefix("Tests") || !file.contains("/")) {
                let text = try String(contentsOf: root.appending(path: file), encoding: .utf8)
                names.formUnion(
                    text.matches(of: /(?m)^(?!private|\s*\/\/).*\b(?:struct|class|enum|protocol|actor) (\w+)/).map {
                        String($0.1)
                    })
            }
        }
        let kinds = names.compactMap { $0.wholeMatch(of: /(\w+)(?:Stage|Options|Plugin|Tests)/)?.1 }
            .map { $0.replacing(/[A-Z]/) { "-" + $0.output.lowercased() }.dropFirst() }
        #expect(Set(kinds.map { String($0) }) == StageTemplate.taken)
        #expect(StageTemplate.taken.allSatisfy { StageTemplate(kind: $0) == nil })
    }

    @Test(arguments: ["", "My", "a_b", "-a", "a--b", "2nd", "ä", "a b", "../x"])
    func namesThatAreNoKindAreRefused(name: String) { #expect(StageTemplate(kind: name) == nil) }
}
