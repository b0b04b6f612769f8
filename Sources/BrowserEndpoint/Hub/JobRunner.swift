package import NIOCore
import ServiceLifecycle

/// Runs work that must await, started from the event loop, as child tasks of one service. They run on the event loop too;
/// the engine takes stages elsewhere that may need long.
///
/// The queue itself has no bound: every caller has one of its own (messages in flight of a connection, one event at a time
/// of a run).
package final class JobRunner: Service {
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let entrance: AsyncStream<@Sendable () async -> Void>.Continuation
    private let executor: EventLoopTaskExecutor

    package init(eventLoop: any EventLoop) {
        (jobs, entrance) = AsyncStream.makeStream()
        executor = EventLoopTaskExecutor(eventLoop)
    }

    package func submit(_ job: @escaping @Sendable () async -> Void) {
        entrance.yield(job)
    }

    /// Runs until graceful shutdown: then it takes no more work, and returns when what was taken is done.
    package func run() async {
        await withGracefulShutdownHandler {
            await withTaskExecutorPreference(executor) {
                await withDiscardingTaskGroup { group in
                    for await job in jobs {
                        group.addTask { await job() }
                    }
                }
            }
        } onGracefulShutdown: {
            self.entrance.finish()
        }
    }
}
