import HTTPTypes
import Hummingbird
import MiddlewareKit

/// Which web pages may talk to the server from a browser.
///
/// A page of another origin could otherwise use the visitor's access: by a WebSocket, which no same-origin rule stops, or by
/// a plain POST. Programs that are no browsers send no `Origin` and are not held up by it.
package struct OriginPolicy: Sendable {
    private let allowed: Set<String>
    /// The server only listens on loopback, so its own pages have loopback addresses. Any other `Host` is a name that
    /// somebody pointed at this machine (DNS rebinding).
    private let isLoopbackOnly: Bool

    package init(allowed: [String], isLoopbackOnly: Bool) {
        self.allowed = Set(allowed.map { $0.lowercased() })
        self.isLoopbackOnly = isLoopbackOnly
    }

    /// - Parameters:
    ///   - origin: The `Origin` header, such as `http://localhost:5173`.
    ///   - host: The `Host` header, such as `localhost:8080`.
    package func permits(origin: String?, host: String?) -> Bool {
        guard let origin = origin?.lowercased() else { return true }
        if allowed.contains(origin) { return true }
        guard let host = host?.lowercased(), origin == "http://\(host)" || origin == "https://\(host)" else {
            return false
        }
        return !isLoopbackOnly || Self.isLoopback(host)
    }

    /// Whether a `Host` header names this machine itself.
    static func isLoopback(_ host: String) -> Bool {
        let name = host.hasPrefix("[") ? String(host.prefix { $0 != "]" }) + "]" : String(host.prefix { $0 != ":" })
        return name == "localhost" || name == "[::1]" || name.hasSuffix(".localhost") || isLoopbackIPv4(name)
    }

    private static func isLoopbackIPv4(_ name: String) -> Bool {
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }

    /// The header that lets a page of another origin read the answer; nil for its own pages and for strangers.
    package func corsOrigin(for origin: String?) -> String? {
        origin.flatMap { allowed.contains($0.lowercased()) ? $0 : nil }
    }
}

/// Answers preflight requests, marks answers for allowed origins, and turns other origins away.
struct OriginMiddleware<Context: RequestContext>: RouterMiddleware {
    let policy: OriginPolicy

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin]
        guard policy.permits(origin: origin, host: request.head.authority) else {
            return Response(
                .init(
                    code: "forbidden",
                    message:
                        "Pages of this origin may not use the server. Add it to server.allowed-origins in config.yaml.")
            )
        }
        let corsOrigin = policy.corsOrigin(for: origin)
        if request.method == .options, corsOrigin != nil {
            return marked(Response(status: .noContent), origin: corsOrigin, isPreflight: true)
        }
        return marked(try await next(request, context), origin: corsOrigin, isPreflight: false)
    }

    private func marked(_ response: Response, origin: String?, isPreflight: Bool) -> Response {
        guard let origin else { return response }
        var response = response
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.vary] = "Origin"
        if isPreflight {
            response.headers[.accessControlAllowMethods] = "GET, POST, DELETE, OPTIONS"
            response.headers[.accessControlAllowHeaders] = "Authorization, Content-Type"
            response.headers[.accessControlMaxAge] = "600"
        }
        return response
    }
}
