import HTTPTypes
import Hummingbird
package import MiddlewareKit

/// Which web pages may talk to the server from a browser.
///
/// A page of another origin could otherwise use the visitor's access: by a WebSocket, which no same-origin rule stops, or by
/// a plain POST. Programs that are no browsers send no `Origin` and are not held up by it.
package struct OriginPolicy: Sendable {
    private let allowed: Set<String>
    /// The names in `allowed`, by which a proxy may pass on what it gets.
    private let allowedNames: Set<Substring>
    /// The server only listens on loopback, so its own pages have loopback addresses. Any other `Host` is a name that
    /// somebody pointed at this machine (DNS rebinding): a page of that name would read everything without any `Origin`.
    private let isLoopbackOnly: Bool

    package init(allowed: [String], isLoopbackOnly: Bool) {
        let origins = allowed.map { $0.lowercased() }
        self.allowed = Set(origins)
        allowedNames = Set(origins.map { Self.name(in: $0.split(separator: "/").last ?? "") })
        self.isLoopbackOnly = isLoopbackOnly
    }

    package func permits(origin: String?, host: String?) -> Bool { refusal(origin: origin, host: host) == nil }

    /// What is told to those who are turned away.
    ///
    /// - Parameters:
    ///   - origin: The `Origin` header, such as `http://localhost:5173`.
    ///   - host: The `Host` header, such as `localhost:8080`.
    package func refusal(origin: String?, host: String?) -> Rejection? {
        let (origin, host) = (origin?.lowercased(), host?.lowercased())
        let isOwnHost = host.map { !isLoopbackOnly || Self.isLoopback($0) } ?? false
        if let host, !isOwnHost, !allowedNames.contains(Self.name(in: host[...])) {
            return Rejection(
                code: "forbidden",
                message:
                    "This server does not go by the name “\(host.prefix(200))”. If it is one of its names, add the "
                    + "address of the page, such as https://\(host.prefix(200)), to server.allowed-origins in config.yaml."
            )
        }
        guard let origin, !allowed.contains(origin) else { return nil }
        if let host, isOwnHost, origin == "http://\(host)" || origin == "https://\(host)" { return nil }
        return Rejection(
            code: "forbidden",
            message:
                "Pages of \(origin.prefix(200)) may not use this server. Add that origin to server.allowed-origins "
                + "in config.yaml.")
    }

    /// A `Host` without its port.
    private static func name(in host: Substring) -> Substring {
        host.hasPrefix("[") ? host.prefix { $0 != "]" } : host.prefix { $0 != ":" }
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
        if let refusal = policy.refusal(origin: origin, host: request.head.authority) { return Response(refusal) }
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
            response.headers[.accessControlAllowMethods] = "GET, POST, PATCH, DELETE, OPTIONS"
            response.headers[.accessControlAllowHeaders] = "Authorization, Content-Type"
            response.headers[.accessControlMaxAge] = "600"
        }
        return response
    }
}
