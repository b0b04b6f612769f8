import Foundation
import TestCertificates
import Testing

@testable import WebSocketTransport

@Suite struct ServerTLSTests {
    /// Writes files into a folder that is deleted in the end, and says what is wrong with them.
    private func problem(certificate: String?, key: String?) throws -> ServerTLS.Problem? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ServerTLS.Files(
            certificate: folder.appending(path: "certificate.pem").path(),
            key: folder.appending(path: "key.pem").path())
        try certificate.map { try Data($0.utf8).write(to: URL(filePath: files.certificate)) }
        try key.map { try Data($0.utf8).write(to: URL(filePath: files.key)) }
        do {
            _ = try ServerTLS.read(files)
            return nil
        } catch {
            return error
        }
    }

    @Test func whatIsWrongWithTheFilesIsSaid() throws {
        let authority = try TestAuthority()
        let (one, other) = (try authority.issue(for: "localhost"), try authority.issue(for: "localhost"))
        let (certificate, key) = (try one.certificate.pem, try one.key.pem)
        #expect(try problem(certificate: certificate, key: key) == nil)
        let cases: [(String?, String?, ServerTLS.Problem.Part, String)] = [
            (nil, key, .certificate, "cannot be read: there is no such file"),
            (certificate, nil, .key, "cannot be read: there is no such file"),
            ("nonsense", key, .certificate, "holds no certificate in PEM form"),
            ("", key, .certificate, "holds no certificate in PEM form"),
            (key, key, .certificate, "holds no certificate in PEM form"),
            (certificate, "nonsense", .key, "holds no private key in PEM form, or one with a password"),
            (certificate, certificate, .key, "holds no private key in PEM form, or one with a password"),
            (certificate, try other.key.pem, .key, "does not belong to the certificate"),
        ]
        for (certificate, key, part, words) in cases {
            let found = try problem(certificate: certificate, key: key)
            #expect(found?.part == part, "\(words)")
            #expect(found?.words == words)
        }
    }
}
