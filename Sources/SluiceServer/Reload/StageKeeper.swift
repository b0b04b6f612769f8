import MiddlewareKit
import PipelineEngine
import ServiceLifecycle

/// Keeps the instances of stages from the first chain that uses them to the last: runs what they do beside messages, and
/// cleans up behind them.
final class StageKeeper: Service {
    private struct Kept: Sendable {
        let middleware: any Middleware
        /// Ends when no chain uses the instance any more.
        let use: AsyncStream<Never>
    }

    private let arrivals: AsyncStream<Kept>
    private let entrance: AsyncStream<Kept>.Continuation

    init() { (arrivals, entrance) = AsyncStream.makeStream() }

    func keep(_ middleware: any Middleware, name: String, identity: String) -> StageInstance {
        let (use, end) = AsyncStream<Never>.makeStream()
        entrance.yield(Kept(middleware: middleware, use: use))
        return StageInstance(name: name, middleware: middleware, identity: identity) { end.finish() }
    }

    /// Runs until graceful shutdown, and returns when everything is cleaned up.
    func run() async {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for await kept in self.arrivals { group.addTask { await Self.run(kept) } }
            }
        }
    }

    private static func run(_ kept: Kept) async {
        await withTaskGroup(of: Void.self) { group in
            if let background = kept.middleware as? any BackgroundStage { group.addTask { await background.run() } }
            // Also ends when the task is cancelled.
            for await _ in kept.use {}
            group.cancelAll()
        }
        await kept.middleware.cleanup()
    }
}
