import MiddlewareKit
import PipelineEngine
import ServiceLifecycle

/// Keeps the instances of stages from the first chain that uses them to the last: runs what they do beside messages, and
/// cleans up behind them.
final class StageKeeper: Service {
    /// An instance that is being kept.
    struct Kept: Sendable {
        let instance: StageInstance
        /// A chain uses the instance now: what it does beside messages begins.
        let begin: @Sendable () -> Void
    }

    private struct Arrival: Sendable {
        let middleware: any Middleware
        /// Yields once when a chain uses the instance, and ends when none does any more.
        let use: AsyncStream<Void>
    }

    private let arrivals: AsyncStream<Arrival>
    private let entrance: AsyncStream<Arrival>.Continuation

    init() { (arrivals, entrance) = AsyncStream.makeStream() }

    func keep(_ middleware: any Middleware, name: String, identity: String) -> Kept {
        let (use, change) = AsyncStream<Void>.makeStream()
        entrance.yield(Arrival(middleware: middleware, use: use))
        let instance = StageInstance(name: name, middleware: middleware, identity: identity) { change.finish() }
        return Kept(instance: instance) { change.yield() }
    }

    /// Runs until graceful shutdown, and returns when everything is cleaned up.
    func run() async {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                for await arrival in self.arrivals {
                    // A child for each instance in use, no more than the configurations in use name; it ends with its instance.
                    group.addTask { await Self.run(arrival) }
                }
            }
        }
    }

    private static func run(_ arrival: Arrival) async {
        let background = arrival.middleware as? any BackgroundStage
        await withTaskGroup(of: Void.self) { group in
            // Also ends when the task is cancelled.
            for await _ in arrival.use {
                // `use` yields once at most, so this is one task.
                if let background { group.addTask { await background.run() } }
            }
            group.cancelAll()
        }
        await arrival.middleware.cleanup()
    }
}
