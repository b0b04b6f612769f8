import Foundation
import MiddlewareKit
import Settings
import Testing

@testable import SluiceServer

/// What `sluice check` says of `storage.path`.
@Suite struct StorageFileTests {
    private func findings(_ path: String, environment: [String: String] = [:]) -> [String] {
        let text = Array("storage: { path: \"\(path)\" }\n".utf8)
        let loaded = SettingsLoader.load(
            text: text, file: "c", environment: environment, catalog: StageCatalog.ofProgram().catalog)
        var findings = Findings()
        if let settings = loaded.settings { StorageFile.check(settings, findings: &findings) }
        return findings.all.map(\.description)
    }

    @Test func whatCanHoldNoDatabaseIsRefused() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/sluice-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data().write(to: URL(filePath: folder + "/file"))
        #expect(findings(folder + "/file") == [])
        #expect(findings(folder + "/to/be/made/sluice.db") == [])
        #expect(!FileManager.default.fileExists(atPath: folder + "/to"))
        let hint = "(name a file, such as ./data/sluice.db)"
        #expect(
            findings(folder) == ["c:1:18: error: `\(folder)` is a folder, so it can hold no database \(hint)"])
        #expect(
            findings("/dev/null") == ["c:1:18: error: `/dev/null` is no file, so it can hold no database \(hint)"])
        #expect(
            findings(folder + "/file/sluice.db") == [
                "c:1:18: error: `\(folder)/file/sluice.db` cannot be made: a part of the path is no folder "
                    + "(name a file in a folder, such as ./data/sluice.db)"
            ])
        // What comes from the environment is not repeated.
        #expect(findings("${P}", environment: ["P": folder]).first?.contains(folder) == false)
    }
}
