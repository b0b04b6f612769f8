package import Analytics
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
}

/// Looks for gateways on the local network.
package protocol GatewayScanner: Sendable {
    /// The addresses where a gateway answered, as WebSocket URLs.
    func scan() async throws -> [String]
}
