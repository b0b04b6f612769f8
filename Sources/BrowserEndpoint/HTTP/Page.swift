import Console
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The web page at `/`, with the headers that keep foreign scripts out of it.
package struct Page: Sendable {
    private let html: ByteBuffer
    private let tag: String

    package init() {
        html = ByteBuffer(bytes: ConsolePage.html)
        let digest = SHA256.hash(data: ConsolePage.html)
        tag = "\"\(digest.prefix(12).map { String(format: "%02x", $0) }.joined())\""
    }

    func response(to request: Request) -> Response {
        var headers: HTTPFields = [
            .contentType: "text/html; charset=utf-8",
            .cacheControl: "no-cache",
            .eTag: tag,
            .contentSecurityPolicy: Self.policy,
            .xContentTypeOptions: "nosniff",
        ]
        headers[HTTPField.Name("X-Frame-Options")!] = "DENY"
        headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
        guard request.headers[.ifNoneMatch] != tag else { return Response(status: .notModified, headers: headers) }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: html))
    }

    private static let policy =
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:; "
        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
