package import MiddlewareKit

/// A stage whose options were read and checked; nothing of it is running yet.
package struct PlannedStage: Sendable {
    package let plugin: any MiddlewarePlugin.Type
    package let entry: StageEntry
    package let options: any OptionGroup
    private let make: @Sendable (ProvisionContext) async throws -> any Middleware

    init<Plugin: MiddlewarePlugin>(_ plugin: Plugin.Type, entry: StageEntry, options: Plugin.Options) {
        self.plugin = plugin
        self.entry = entry
        self.options = options
        make = { try await plugin.provision(options, in: $0) }
    }

    /// What becomes of a message when the stage fails.
    package var onError: FailurePolicy { entry.onError?.value ?? plugin.defaultOnError }

    /// How long a call may take; nil: the stage bounds itself.
    package var timeout: Duration? { entry.timeout ?? plugin.defaultTimeout }

    /// Makes the middleware. Throws what the plugin throws.
    package func provision(in context: ProvisionContext) async throws -> any Middleware {
        try await make(context)
    }
}
