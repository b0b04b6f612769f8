import Foundation
package import MiddlewareKit
package import Settings
import WebSocketTransport

/// Looks at the files that `server.tls` names.
package enum TLSFiles {
    package static func check(_ settings: Settings, findings: inout Findings) {
        let tls = settings.server.tls
        guard let certificate = tls.certificate, let key = tls.key, let files = settings.tlsFiles else { return }
        do throws(ServerTLS.Problem) {
            let identity = try ServerTLS.read(files)
            if identity.expiresAt < Int64(Date().timeIntervalSince1970) {
                findings.warning(
                    at: certificate.position, "this certificate is not valid any more",
                    hint: "browsers refuse it; renew it")
            }
        } catch {
            let place = error.part == .certificate ? certificate : key
            findings.error(
                at: place.position,
                "the file \(place.isFromEnvironment ? "of this name" : "`\(error.file)`") \(error.words)",
                hint: error.part == .certificate
                    ? "paths are seen from the folder in which the server is started" : nil)
        }
    }
}

extension Settings {
    var tlsFiles: ServerTLS.Files? {
        server.tls.files.map { ServerTLS.Files(certificate: $0.certificate, key: $0.key) }
    }
}
