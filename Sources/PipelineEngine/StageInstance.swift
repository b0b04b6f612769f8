package import MiddlewareKit

/// The running half of a stage: its middleware and its figures.
///
/// It outlives a configuration: chains of several generations, and several chains of one, share an instance as long as kind,
/// name and options are the same, and so share its state. When the last of them is gone, `onRelease` is called.
package final class StageInstance: Sendable {
    package let middleware: any Middleware
    package let figures: StageFigures
    /// Where the calls of a shadow run.
    package let shadows = ShadowDesk()
    /// Equal for stages that can share an instance. May hold secrets: not to be shown.
    package let identity: String
    private let onRelease: @Sendable () -> Void

    package init(
        name: String, middleware: any Middleware, identity: String = "",
        onRelease: @escaping @Sendable () -> Void = {}
    ) {
        self.middleware = middleware
        figures = StageFigures(stage: name)
        self.identity = identity
        self.onRelease = onRelease
    }

    deinit { onRelease() }
}
