import Foundation
import MiddlewareKit
import Settings
import Testing

@Suite struct ConfigTreeTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func findings() throws -> [String] {
        try folder.load().findings.all.map { $0.description.replacing(folder.path + "/", with: "") }
    }

    @Test func filesAndFoldersBecomeOneConfiguration() throws {
        try folder.write(
            "config.yaml",
            "include: [conf.d, other/log.yaml]\nserver: { port: 1 }\ngateways: [ { id: a, url: \"ws://a\" } ]\n")
        try folder.write("conf.d/1.yaml", "gateways: [ { id: b, url: \"ws://b\" } ]\n")
        try folder.write("conf.d/2.yml", "gateways: [ { id: c, url: \"ws://c\", token: \"${file:../token}\" } ]\n")
        try folder.write("conf.d/.hidden.yaml", "nonsense")
        try folder.write("conf.d/readme.txt", "nonsense")
        try folder.write("token", "s3cret\n")
        try folder.write("other/log.yaml", "include: [more.yaml]\nlog: { level: debug }\nserver: { host: localhost }\n")
        try folder.write("other/more.yaml", "log: { format: json }\n")
        #expect(try findings() == [])
        let loaded = try folder.load()
        let settings = try #require(loaded.settings)
        #expect(settings.gateways.map(\.id.value) == ["a", "b", "c"])
        #expect(settings.gateways[2].token?.revealed == "s3cret")
        #expect(settings.server.port == 1 && settings.server.host == "localhost")
        #expect(settings.log.level == .debug && settings.log.format == .json)
        #expect(
            loaded.paths.map { $0.replacing(folder.path + "/", with: "") } == [
                "config.yaml", "conf.d", "conf.d/1.yaml", "conf.d/2.yml", "conf.d/../token", "other/log.yaml",
                "other/more.yaml",
            ])
    }

    @Test func noFileIsStrongerThanAnother() throws {
        try folder.write("config.yaml", "include: [b.yaml]\nserver: { port: 1 }\npipeline: []\n")
        try folder.write("b.yaml", "server: { port: 2 }\npipeline: [ { use: auth } ]\n")
        let place = "\(folder.path)/config.yaml"
        #expect(
            try folder.load().findings.all.map(\.description) == [
                "\(folder.path)/b.yaml:1:11: error: `port` is given twice; the first one is in \(place), line 2, "
                    + "column 11 (keep one of them)",
                "\(folder.path)/b.yaml:2:1: error: `pipeline` is given twice; the first one is in \(place), line 3, "
                    + "column 1 (keep one of them)",
            ])
    }

    @Test func cyclesAndMissingFilesAreFound() throws {
        try folder.write("config.yaml", "include: [a.yaml, nope.yaml]\n")
        try folder.write("a.yaml", "include: [b.yaml]\n")
        try folder.write("b.yaml", "include:\n  - a.yaml\n")
        #expect(
            try findings() == [
                "b.yaml:2:5: error: the files include each other: a.yaml -> b.yaml -> a.yaml (leave out one `include`)",
                "config.yaml:1:19: error: cannot read nope.yaml: there is no such file "
                    + "(paths are seen from the folder of this file)",
            ])
    }

    @Test func aFileBelongsToItOnce() throws {
        try folder.write("config.yaml", "include: [parts, parts/a.yaml]\n")
        try folder.write("parts/a.yaml", "server: { port: 1 }\n")
        #expect(
            try findings() == [
                "config.yaml:1:18: error: parts/a.yaml is included twice; the first time in line 1, column 11 "
                    + "(leave out one of the two)"
            ])
    }

    /// It may be meant for `${file:…}`.
    @Test(arguments: ["hunter2", "[hunter2]", "@hunter2", "hunter2: [", "%hunter2\n"])
    func whatIsNoConfigurationIsNotShown(_ text: String) throws {
        try folder.write("config.yaml", "include: [token]\n")
        try folder.write("token", text)
        let report = FindingReport(try folder.load()).text
        #expect(!report.isEmpty && (!report.contains("hunter2") || text.contains(": ")))
    }

    @Test func findingsInIncludedFilesNameThem() throws {
        try folder.write("config.yaml", "include: [a.yaml]\ngateways: [ { id: a, url: \"ws://a\" } ]\n")
        try folder.write("a.yaml", "gateways:\n  - { id: a, url: \"ws://a\" }\nprot: 1\n")
        #expect(
            try findings() == [
                "a.yaml:2:11: error: two gateways have the id `a`; the first one is in config.yaml, line 2, column 19 "
                    + "(ids must be unique)",
                "a.yaml:3:1: error: `prot` is not an option here (known are \(known))",
            ])
    }

    private var known: String { Settings.descriptions.map(\.key).joined(separator: ", ") }
}
