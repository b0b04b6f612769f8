package import MiddlewareKit

/// A stage whose options were read and checked; nothing of it is running yet.
package struct PlannedStage: Sendable {
    package let plugin: any MiddlewarePlugin.Type
    package let entry: StageEntry
    package let options: any OptionGroup
    /// What the stage has to do with, as far as is known before it is made.
    package let paths: StagePaths?
    /// See ``MiddlewarePlugin/isGate(_:)``.
    let isGate: Bool
    /// The files that it is made from, as they were when the configuration was read.
    let files: [FileStamp]
    private let make: @Sendable (ProvisionContext) async throws -> any Middleware

    init<Plugin: MiddlewarePlugin>(_ plugin: Plugin.Type, entry: StageEntry, options: Plugin.Options) {
        self.plugin = plugin
        self.entry = entry
        self.options = options
        paths = plugin.handles(options)
        isGate = plugin.isGate(options)
        files = plugin.files(options).map { FileStamp(of: $0) }
        make = { try await plugin.provision(options, in: $0) }
    }

    /// Equal for stages that can be one instance, with one state: the same code, name, options and files.
    package var identity: String {
        let parts = ["\(ObjectIdentifier(plugin))", entry.name, entry.with?.node.fingerprint ?? ""]
        return (parts + files.map(\.state)).joined(separator: "\u{0}")
    }

    /// The options as YAML on one line, without secrets.
    package var shownOptions: String { options.shownText(from: entry.with?.node) }

    /// What becomes of a message when the stage fails.
    package var onError: FailurePolicy { entry.onError?.value ?? plugin.defaultOnError }

    /// How long a call may take; nil: the stage bounds itself.
    package var timeout: Duration? { entry.timeout ?? plugin.defaultTimeout }

    /// Makes the middleware. Throws what the plugin throws.
    package func provision(in context: ProvisionContext) async throws -> any Middleware {
        try await make(context)
    }
}

extension ConfigNode {
    /// Equal for nodes that say the same. It holds the values, secrets too, so it must not be shown.
    var fingerprint: String {
        switch content {
        case .null: "~"
        case .scalar(let text, let isPlain): (isPlain ? "p" : "q") + "\(text.utf8.count):\(text)"
        case .sequence(let nodes): "[" + nodes.map(\.fingerprint).joined(separator: ",") + "]"
        case .mapping(let pairs):
            "{" + pairs.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value.fingerprint)" }.joined(separator: ",")
                + "}"
        }
    }
}
