import Files
package import NIOCore
import NIOSSL
import Synchronization

/// The certificate of a server, and its key. It can be renewed while the server runs: connections keep what they began with.
package final class ServerTLS: Sendable {
    /// Files in PEM form.
    package struct Files: Sendable, Hashable {
        /// The server's certificate, and behind it those that lead to one that clients trust.
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// What is wrong with a file, in words that stand behind its name.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        package enum Part: Sendable { case certificate, key }

        package let part: Part
        package let file: String
        package let words: String

        package var description: String { "\(file) \(words)" }
    }

    /// What was read from files, and fits together.
    package struct Identity: Sendable {
        fileprivate let context: NIOSSLContext
        /// The server's own certificate (DER).
        package let certificate: [UInt8]
        /// Seconds since 1970.
        package let expiresAt: Int64
    }

    private let identity: Mutex<Identity>

    package init(_ identity: Identity) { self.identity = Mutex(identity) }

    /// For connections that open from now on.
    ///
    /// - Returns: Whether it is another certificate than before.
    @discardableResult
    package func use(_ new: Identity) -> Bool {
        identity.withLock { identity in
            defer { identity = new }
            return identity.certificate != new.certificate
        }
    }

    /// Puts TLS at the front of a new connection. On its event loop.
    package func protect(_ channel: any Channel) throws {
        let context = identity.withLock(\.context)
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
    }

    package static func read(_ files: Files) throws(Problem) -> Identity {
        let chain = try bytes(of: files.certificate, .certificate)
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(chain), let own = certificates.first else {
            throw Problem(part: .certificate, file: files.certificate, words: "holds no certificate in PEM form")
        }
        // Without the closure a key with a password would make BoringSSL ask for it on the terminal.
        let secret = try bytes(of: files.key, .key)
        guard let key = try? NIOSSLPrivateKey(bytes: secret, format: .pem, passphraseCallback: { set in set([]) })
        else {
            throw Problem(
                part: .key, file: files.key, words: "holds no private key in PEM form, or one with a password")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.applicationProtocols = ["http/1.1"]
        do {
            return Identity(
                context: try NIOSSLContext(configuration: configuration), certificate: try own.toDERBytes(),
                expiresAt: Int64(own.notValidAfter))
        } catch {
            throw Problem(part: .key, file: files.key, words: "does not belong to the certificate")
        }
    }

    /// A chain of certificates has some KiB; what is much larger is something else.
    private static func bytes(of path: String, _ part: Problem.Part) throws(Problem) -> [UInt8] {
        do throws(UnreadableFile) {
            return try RegularFile.read(path, limit: 1 << 20)
        } catch {
            throw Problem(part: part, file: path, words: "cannot be read: \(error.reason)")
        }
    }
}
