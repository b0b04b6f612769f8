import Foundation
import MiddlewareKit
import Settings
import Testing

@Suite struct LibrarySectionTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A library is a text here: the kinds of its stages, or `bad`.
    private struct FakeLibraries: StageLibraries {
        func library(_ bytes: Data, named name: String) throws(UnusableLibrary) -> StageLibrary {
            switch String(decoding: bytes, as: UTF8.self) {
            case "one": StageLibrary(plugins: [FakeStage<One>.self], fingerprint: "1")
            case "one, again": StageLibrary(plugins: [FakeStage<One>.self], fingerprint: "2")
            case "persist": StageLibrary(plugins: [FakeStage<Persist>.self], fingerprint: "3")
            default: throw UnusableLibrary("is no library", hint: "name another")
            }
        }
    }

    private enum One: FakeKind { static let kind = "one" }

    private func load(_ environment: [String: String] = [:]) throws -> LoadedSettings {
        try SettingsLoader.load(
            path: folder.path + "/config.yaml", environment: environment, catalog: catalog,
            libraries: FakeLibraries())
    }

    private func findings(_ environment: [String: String] = [:]) throws -> [String] {
        try load(environment).findings.all.map { $0.description.replacing(folder.path + "/", with: "") }
    }

    @Test func stagesOfLibrariesCanBeUsed() throws {
        try folder.write(
            "config.yaml", "include: [conf.d]\nplugins: [libs]\npipeline: [ { use: one, with: { size: 2 } } ]\n")
        try folder.write("conf.d/a.yaml", "plugins: []\n")
        try folder.write("libs/a.so", "one")
        try folder.write("libs/readme.txt", "bad")
        try folder.write("libs/.hidden.so", "bad")
        let loaded = try load()
        #expect(loaded.findings.all.isEmpty)
        #expect(loaded.stages.map { $0.plugin.kind } == ["one"])
        #expect(loaded.catalog["one"]?.origin == .library(path: "\(folder.path)/libs/a.so"))
        #expect(loaded.paths.suffix(2) == ["\(folder.path)/libs", "\(folder.path)/libs/a.so"])
    }

    @Test func pathsAreSeenFromTheFileThatNamesThem() throws {
        try folder.write("config.yaml", "include: [conf.d/a.yaml]\npipeline: [ { use: one } ]\n")
        try folder.write("conf.d/a.yaml", "plugins: [a.so]\n")
        try folder.write("conf.d/a.so", "one")
        #expect(try findings() == [])
    }

    @Test func everyProblemHasItsPlace() throws {
        try folder.write(
            "config.yaml", "plugins: [none.so, a.so, empty, b.so, ./a.so, c.so]\npipeline: [ { use: one } ]\n")
        try folder.write("a.so", "one")
        try folder.write("b.so", "persist")
        try folder.write("c.so", "bad")
        try folder.write("empty/readme.txt", "")
        #expect(
            try findings() == [
                "config.yaml:1:11: error: cannot read none.so: there is no such file "
                    + "(paths are seen from the folder of this file)",
                "config.yaml:1:26: warning: there is no library in empty "
                    + "(`sluice plugin build` makes one from a folder of Swift files)",
                "config.yaml:1:33: error: two stages have the kind `persist`: one in Sluice itself, one in b.so "
                    + "(rename or remove one of them)",
                "config.yaml:1:39: error: ./a.so is named twice; the first one is in line 1, column 20 (keep one of them)",
                "config.yaml:1:47: error: c.so is no library (name another)",
            ])
    }

    @Test func twoLibrariesOfOneKindAreToldWithBothPlaces() throws {
        try folder.write("config.yaml", "plugins: [a.so, b.so]\npipeline: [ { use: one } ]\n")
        try folder.write("a.so", "one")
        try folder.write("b.so", "one, again")
        #expect(
            try findings() == [
                "config.yaml:1:17: error: two stages have the kind `one`: one in a.so, one in b.so "
                    + "(rename or remove one of them)"
            ])
    }

    @Test func pathsFromTheEnvironmentAreNotRepeated() throws {
        try folder.write("config.yaml", "plugins: [ \"${WHERE}\" ]\n")
        let told = try findings(["WHERE": "planted-path.so"])
        #expect(told.count == 1 && told[0].contains("cannot read what is named at"))
        #expect(!told[0].contains("planted"))
    }

    @Test func aLibraryThatWasBuiltAgainIsAChange() throws {
        try folder.write("config.yaml", "plugins: [a.so]\npipeline: [ { use: one } ]\n")
        try folder.write("a.so", "one")
        let first = try load()
        #expect(ConfigDiff.changes(from: first, to: try load()).isEmpty)
        try folder.write("a.so", "one, again")
        let changes = ConfigDiff.changes(from: first, to: try load())
        #expect(
            changes.map { [$0.path, $0.before, $0.after] } == [["plugins.\(folder.path)/a.so", "1", "2"]])
        #expect(changes.allSatisfy { !$0.needsRestart })
    }

    @Test func aLibraryThatEverybodyMayChangeIsAWarning() throws {
        try folder.write("config.yaml", "plugins: [a.so]\npipeline: [ { use: one } ]\n")
        let library = try folder.write("a.so", "one")
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: library)
        #expect(
            try findings() == [
                "config.yaml:1:11: warning: every user of this machine may change a.so, whose code the server runs "
                    + "(take the right to write away with `chmod o-w`)"
            ])
    }

    @Test func withoutALoaderNothingIsLoaded() throws {
        try folder.write("config.yaml", "plugins: [a.so]\n")
        try folder.write("a.so", "one")
        #expect(try folder.load().findings.all.map(\.message) == ["\(folder.path)/a.so cannot be loaded here"])
    }
}
