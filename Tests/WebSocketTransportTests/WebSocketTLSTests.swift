import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestCertificates
import Testing
import X509

@testable import WebSocketTransport

/// Real TLS on loopback, with certificates that are made here.
@Suite(.timeLimit(.minutes(1))) struct WebSocketTLSTests {
    private static let host = "gateway.test"

    /// A server with a certificate for `gateway.test`, and the file of the authority that signed it.
    private struct Server {
        let url: String
        let caFile: String
        let certificate: Certificate

        static func run(_ body: (Server) async throws -> Void) async throws {
            let authority = try TestAuthority()
            let (certificate, key) = try authority.issue(for: host)
            let caFile = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).pem").path()
            try authority.certificate.pem.write(toFile: caFile, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(atPath: caFile) }
            let context = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: [.certificate(NIOSSLCertificate(bytes: certificate.der, format: .der))],
                    privateKey: .privateKey(
                        NIOSSLPrivateKey(bytes: Array(key.pem.utf8), format: .pem))))
            let listener = try await ServerBootstrap(group: Loopback.group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                        _ = try WebSocketServerUpgrade.configure(
                            channel: channel,
                            options: WebSocketOptions(),
                            shouldUpgrade: { _, channel in channel.eventLoop.makeSucceededFuture(.echo) },
                            notUpgrading: { $0.close() })
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let port = listener.localAddress?.port ?? 0
            do {
                try await body(Server(url: "wss://127.0.0.1:\(port)", caFile: caFile, certificate: certificate))
            } catch {
                try await listener.close().get()
                throw error
            }
            try await listener.close().get()
        }

        /// Connects and sends two texts.
        ///
        /// - Returns: What came back.
        func echo(_ tls: WebSocketTLS, onMilestone: @escaping @Sendable (ConnectMilestone) -> Void = { _ in })
            async throws -> [String]
        {
            let eventLoop = Loopback.group.next()
            let closed = eventLoop.makePromise(of: [String].self)
            let url = url
            do {
                _ = try await eventLoop.flatSubmit {
                    let delegate = RecordingDelegate()
                    delegate.onOpen = { socket in
                        for text in ["one", "two"] { socket.send(text: ByteBuffer(string: text)) }
                        socket.flush()
                    }
                    delegate.onMessage = { [unowned delegate] socket, _ in
                        if delegate.messages.count == 2 { socket.close(code: 1000, reason: "done") }
                    }
                    delegate.onClose = { [unowned delegate] _ in closed.succeed(delegate.texts) }
                    return WebSocketClient.connect(
                        url: url, tls: tls, on: eventLoop, delegate: delegate, onMilestone: onMilestone)
                }.get()
            } catch {
                closed.fail(error)
            }
            return try await closed.futureResult.get()
        }

        func error(_ tls: WebSocketTLS) async -> WebSocketConnectError? {
            do {
                _ = try await echo(tls)
                return nil
            } catch {
                return error as? WebSocketConnectError
            }
        }
    }

    private func isTLS(_ error: WebSocketConnectError?) -> Bool { if case .tls? = error { true } else { false } }

    @Test func theAuthorityAndTheNameMustBeRight() async throws {
        try await Server.run { server in
            // Nobody whom the system trusts has signed it.
            #expect(await server.error(WebSocketTLS()) == .untrusted)
            #expect(await server.error(WebSocketTLS(serverName: Self.host)) == .untrusted)
            // It is not for 127.0.0.1.
            #expect(await server.error(WebSocketTLS(caFile: server.caFile)) == .wrongName)
            #expect(await server.error(WebSocketTLS(caFile: server.caFile, serverName: "other.test")) == .wrongName)
            let texts = try await server.echo(WebSocketTLS(caFile: server.caFile, serverName: Self.host))
            #expect(texts == ["one", "two"])
        }
    }

    @Test func thePinnedCertificateIsTrustedAlone() async throws {
        try await Server.run { server in
            let pin = Array(SHA256.hash(data: try server.certificate.der))
            let texts = try await server.echo(WebSocketTLS(pin: pin))
            #expect(texts == ["one", "two"])
            let other = [UInt8](repeating: 7, count: 32)
            // A good authority does not help against a wrong pin.
            let tls = WebSocketTLS(caFile: server.caFile, pin: other, serverName: Self.host)
            let error = await server.error(tls)
            #expect(error == .notPinned(fingerprint: WebSocketTLS.text(ofPin: pin)))
            #expect(error?.fingerprint.flatMap(WebSocketTLS.pin) == pin)
        }
    }

    @Test func milestonesComeInOrder() async throws {
        try await Server.run { server in
            let milestones = Milestones()
            let tls = WebSocketTLS(caFile: server.caFile, serverName: Self.host)
            _ = try await server.echo(tls) { milestones.add($0) }
            #expect(milestones.all == [.connected, .secured])
        }
    }

    @Test func aCAFileThatCannotBeReadIsNamed() async throws {
        try await Server.run { server in
            let error = await server.error(WebSocketTLS(caFile: "/nowhere/ca.pem"))
            #expect(error?.description.contains("/nowhere/ca.pem") == true)
        }
    }

    @Test(arguments: [
        (String(repeating: "aB:", count: 31) + "Ab", true), (String(repeating: "0f", count: 32), true), ("", false),
        (String(repeating: "0g", count: 32), false), (String(repeating: "0f", count: 31), false),
    ])
    func fingerprints(text: String, isValid: Bool) {
        #expect((WebSocketTLS.pin(text) != nil) == isValid)
    }
}

private final class Milestones: Sendable {
    private let list = Mutex<[ConnectMilestone]>([])

    var all: [ConnectMilestone] { list.withLock { $0 } }

    func add(_ milestone: ConnectMilestone) { list.withLock { $0.append(milestone) } }
}

extension WebSocketConnectError {
    fileprivate var fingerprint: String? { if case .notPinned(let fingerprint) = self { fingerprint } else { nil } }
}
