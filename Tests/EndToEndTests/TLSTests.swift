import Foundation
import JSON
import TestCertificates
import Testing
import WebSocketTransport

/// `server.tls`, with the real binary.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    private static let configuration = """
        server: { port: 0, tls: { certificate: certificate.pem, key: key.pem } }
        """

    private static func issue(_ authority: TestAuthority, in folder: URL) throws {
        let issued = try authority.issue(for: "localhost")
        try Data(issued.certificate.pem.utf8).write(to: folder.appending(path: "certificate.pem"))
        try Data(issued.key.pem.utf8).write(to: folder.appending(path: "key.pem"))
    }

    @Test func aBrowserChatsOverTLSAndTheCertificateIsRenewed() async throws {
        let folder = try SluiceProcess.makeFolder()
        let (first, second) = (try TestAuthority(), try TestAuthority())
        for (name, authority) in [("first.pem", first), ("second.pem", second)] {
            try Data(authority.certificate.pem.utf8).write(to: folder.appending(path: name))
        }
        try Self.issue(first, in: folder)
        let (server, port) = try await SluiceProcess.serve(in: folder, configuration: Self.configuration, demo: true)
        let trust = { (name: String) in WebSocketTLS(caFile: folder.appending(path: name).path()) }
        let browser = try await BrowserClient.connect(port: port, tls: trust("first.pem"))
        let hello = try await browser.next(type: "hello")
        if hello["gateways"]?[0]?["connected"] != true {
            _ = try await browser.next { $0["type"] == "gateway" && $0["connected"] == true }
        }
        let turn = try await browser.chat("hello", session: "agent:demo:one", key: "run-1")
        #expect(turn.streamed == turn.finalText && !turn.streamed.isEmpty)

        // Commands on the same machine find the server too.
        try Data(Self.configuration.replacing("port: 0", with: "port: \(port)").utf8)
            .write(to: folder.appending(path: "config.yaml"))
        let list = try await SluiceProcess.run(["gateway", "add", "ws://127.0.0.1:9", "--id", "none"], in: folder)
        #expect(!list.errors.contains("No server answers"))

        try Self.issue(second, in: folder)
        server.signal(SIGHUP)
        // The reload takes a moment; until then the old certificate is shown.
        var renewed: BrowserClient?
        while renewed == nil { renewed = try? await BrowserClient.connect(port: port, tls: trust("second.pem")) }
        _ = try await renewed?.next(type: "hello")
        // Who was there stays.
        browser.send(["type": "ping", "id": 1])
        _ = try await browser.next(type: "pong")
        server.signal(SIGTERM)
        #expect(await server.wait() == 0)
    }

    @Test func filesThatDoNotFitStopTheStart() async throws {
        let folder = try SluiceProcess.makeFolder()
        let authority = try TestAuthority()
        try Self.issue(authority, in: folder)
        try Data(authority.issue(for: "localhost").key.pem.utf8).write(to: folder.appending(path: "key.pem"))
        try Data(Self.configuration.utf8).write(to: folder.appending(path: "config.yaml"))
        let result = try await SluiceProcess.run(["serve"], in: folder)
        #expect(result.code == 1)
        #expect(result.errors.contains("the file `key.pem` does not belong to the certificate"))
    }
}
