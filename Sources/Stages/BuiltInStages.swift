package import MiddlewareKit

/// The stages that come with Sluice, in the order in which a chain usually has them.
package enum BuiltInStages {
    package static let all: [any MiddlewarePlugin.Type] = [
        AuthPlugin.self,
        RateLimitPlugin.self,
        QuotaPlugin.self,
        PromptPlugin.self,
        CachePlugin.self,
        ThinkingStripPlugin.self,
        RedactPlugin.self,
        FilterPlugin.self,
        TransformPlugin.self,
        ProcessPlugin.self,
        HTTPPlugin.self,
        RoutePlugin.self,
        PersistPlugin.self,
        WebhookPlugin.self,
        AnalyticsPlugin.self,
    ]
}
