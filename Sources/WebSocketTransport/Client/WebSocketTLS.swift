import Crypto
import Files
import NIOCore
import NIOSSL

/// How a client makes sure that a `wss` server is the right one. By default the system's certificates decide.
package struct WebSocketTLS: Sendable, Hashable {
    /// A PEM file with the certificates that are trusted instead of the system's.
    package var caFile: String?
    /// SHA-256 of the server's certificate (DER). It must be exactly this one; who signed it and its name are not asked.
    package var pin: [UInt8]?
    /// The name for SNI and for the check of the certificate; nil: the host of the URL.
    package var serverName: String?

    package init(caFile: String? = nil, pin: [UInt8]? = nil, serverName: String? = nil) {
        self.caFile = caFile
        self.pin = pin
        self.serverName = serverName
    }

    /// `AB:CD:…` or `abcd…`: 32 bytes in hexadecimal, as `openssl x509 -fingerprint -sha256` prints them.
    package static func pin(_ text: String) -> [UInt8]? {
        let digits = text.filter { $0 != ":" }.map(\.hexDigitValue)
        guard digits.count == 64, digits.allSatisfy({ $0 != nil }) else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8((digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0)) }
    }

    static func text(ofPin pin: [UInt8]) -> String {
        pin.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: ":")
    }

    /// What is wrong with the file of certificates, if one is named. Reads from disk.
    package var problem: String? {
        guard let caFile else { return nil }
        do {
            _ = try Self.certificates(in: caFile)
            return nil
        } catch {
            return error.description
        }
    }

    /// Reads certificates from disk.
    func makeContext() throws(WebSocketConnectError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // The pin replaces the check of the chain, see makeHandler; the name is checked apart from that.
        if pin != nil { configuration.certificateVerification = .noHostnameVerification }
        if let caFile {
            configuration.trustRoots = .certificates(try Self.certificates(in: caFile))
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .tls(PlainWords.describe(error))
        }
    }

    /// The certificates of all authorities of a system have some 200 KiB.
    private static func certificates(in file: String) throws(WebSocketConnectError) -> [NIOSSLCertificate] {
        let bytes: [UInt8]
        do throws(UnreadableFile) {
            bytes = try RegularFile.read(file, limit: 4 << 20)
        } catch {
            throw .caFile("the CA file \(file) cannot be read: \(error.reason)")
        }
        guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
            throw .caFile("the CA file \(file) holds no certificate in PEM form")
        }
        return certificates
    }

    /// - Parameter rejected: Gets the fingerprint of a certificate that is not the pinned one.
    func makeHandler(
        _ context: NIOSSLContext, host: String, rejected: NIOLoopBoundBox<String?>
    ) throws -> NIOSSLClientHandler {
        // Server Name Indication knows names only (RFC 6066 section 3).
        let name = serverName ?? (host.isIPAddress ? nil : host)
        guard let pin else { return try NIOSSLClientHandler(context: context, serverHostname: name) }
        return try NIOSSLClientHandler(context: context, serverHostname: name) { certificates, promise in
            let bytes = certificates.first.flatMap { try? $0.toDERBytes() } ?? []
            let found = Array(SHA256.hash(data: bytes))
            if found != pin { rejected.value = Self.text(ofPin: found) }
            promise.succeed(found == pin ? .certificateVerified : .failed)
        }
    }
}

extension String {
    fileprivate var isIPAddress: Bool { (try? SocketAddress(ipAddress: self, port: 0)) != nil }
}
