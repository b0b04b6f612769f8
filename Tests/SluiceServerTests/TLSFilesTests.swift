import Foundation
import MiddlewareKit
import Settings
import TestCertificates
import Testing

@testable import SluiceServer

/// What `sluice check` says of `server.tls`.
@Suite struct TLSFilesTests {
    private func findings(lifetime: Double = 3600, certificate: String = "c.pem", key: String = "k.pem") throws
        -> [String]
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let issued = try TestAuthority().issue(for: "localhost", lifetime: lifetime)
        try Data(issued.certificate.pem.utf8).write(to: URL(filePath: folder + "/c.pem"))
        try Data(issued.key.pem.utf8).write(to: URL(filePath: folder + "/k.pem"))
        let text = "server:\n  tls: { certificate: \(folder)/\(certificate), key: \(folder)/\(key) }\n"
        try Data(text.utf8).write(to: URL(filePath: folder + "/config.yaml"))
        let loaded = try SettingsLoader.load(
            path: folder + "/config.yaml", environment: [:], catalog: StageCatalog.ofProgram().catalog,
            check: { settings, _, findings in TLSFiles.check(settings, findings: &findings) })
        if loaded.settings != nil { #expect(loaded.paths.contains(folder + "/c.pem")) }
        return loaded.findings.all.map { $0.description.replacing(folder + "/", with: "") }
    }

    @Test func goodFilesAreGood() throws { #expect(try findings() == []) }

    @Test func whatIsWrongIsSaidWhereItStands() throws {
        let missing = try findings(certificate: "none.pem")
        #expect(missing.count == 1)
        #expect(
            missing.first?.hasPrefix(
                "config.yaml:2:23: error: the file `none.pem` cannot be read: there is no such file") == true)
        let wrong = try findings(key: "c.pem")
        #expect(wrong.first?.contains("error: the file `c.pem` holds no private key") == true)
        let old = try findings(lifetime: -60)
        #expect(old.first?.contains("warning: this certificate is not valid any more") == true)
    }
}
