package import Analytics
import HTTPTypes
package import Hummingbird
import JSON
import MiddlewareKit
import NIOCore
package import Webhooks

/// All HTTP routes. Except for the page and the health checks, each call goes through the chain.
package struct Routes: Sendable {
    let hub: BrowserHub
    let origins: OriginPolicy
    let page: Page
    let scanner: (any GatewayScanner)?
    let metrics: MetricsPage?
    let analytics: AnalyticsRecorder
    let webhooks: WebhookAdministration
    let configuration: (any ConfigurationControl)?

    package init(
        hub: BrowserHub, origins: OriginPolicy, page: Page, scanner: (any GatewayScanner)?, metrics: MetricsPage?,
        analytics: AnalyticsRecorder, webhooks: WebhookAdministration,
        configuration: (any ConfigurationControl)? = nil
    ) {
        self.hub = hub
        self.origins = origins
        self.page = page
        self.scanner = scanner
        self.metrics = metrics
        self.analytics = analytics
        self.webhooks = webhooks
        self.configuration = configuration
    }

    package func router() -> Router<CallContext> {
        let router = answeringRouter()
        refuseOtherMethods(in: router)
        return router
    }

    /// What is at each address.
    package func answeringRouter() -> Router<CallContext> {
        let router = Router(context: CallContext.self, options: .autoGenerateHeadEndpoints)
        // The first one is the outermost: errors are marked for their origin too.
        router.middlewares.add(OriginMiddleware(policy: origins))
        router.middlewares.add(ErrorMiddleware())
        let page = page
        router.get("/") { request, _ in page.response(to: request) }
        addHealth(to: router)
        if let metrics { addMetrics(metrics, to: router) }
        addAnalytics(analytics, to: router.group("api/analytics"))
        addWebhooks(webhooks, to: router.group("api/webhooks"))
        addPipeline(to: router.group("api/pipeline"))
        if let configuration { addConfiguration(configuration, to: router.group("api/config")) }
        addGateways(to: router.group("api/gateways"))
        addSessions(to: router.group("api/gateways/{gateway}/sessions"))
        addExport(to: router.group("api/gateways/{gateway}/sessions"))
        addSearch(to: router.group("api/search"))
        addKeys(to: router.group("api/keys"))
        return router
    }

    /// Who asks a known address with a method that it does not take is told which ones it does (RFC 9110 section 15.5.6).
    private func refuseOtherMethods(in router: Router<CallContext>) {
        let known = Dictionary(grouping: router.routes, by: \.path.description)
        for routes in known.values {
            guard let path = routes.first?.path else { continue }
            let methods = routes.map(\.method)
            let names = methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.rawValue] }.sorted()
            for method in [.get, .put, .post, .patch, .delete] as [HTTPRequest.Method] where !methods.contains(method) {
                router.on(path, method: method) { _, _ in Response.methodNotAllowed(names) }
            }
        }
    }
}

extension Response {
    fileprivate static func methodNotAllowed(_ names: [String]) -> Response {
        let list = names.joined(separator: ", ")
        var response = Response(Rejection(code: "method_not_allowed", message: "This address takes \(list)."))
        response.headers[.allow] = list
        return response
    }
}

/// Looks for gateways on the local network.
package protocol GatewayScanner: Sendable {
    /// The addresses where a gateway answered, as WebSocket URLs.
    func scan() async throws -> [String]
}
