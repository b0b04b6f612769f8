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
    /// Ends when the jobs under way are to end.
    private let patience: AsyncStream<Void>
    private let endOfPatience: AsyncStream<Void>.Continuation
    private let executor: EventLoopTaskExecutor

    package init(eventLoop: any EventLoop) {
        (jobs, entrance) = AsyncStream.makeStream()
        (patience, endOfPatience) = AsyncStream.makeStream()
        executor = EventLoopTaskExecutor(eventLoop)
    }

    package func submit(_ job: @escaping @Sendable () async -> Void) {
        entrance.yield(job)
    }

    /// Cancels what is under way, and takes no more work.
    func breakOff() { endOfPatience.finish() }

    /// Runs until graceful shutdown: then it takes no more work, and returns when what was taken is done, or broken off.
    package func run() async {
        await withGracefulShutdownHandler {
            await withTaskGroup { halves in
                // The first of two that live as long as the service: all jobs, in a task that can be cancelled.
                halves.addTask {
                    await withTaskExecutorPreference(self.executor) { await self.work() }
                }
                // The second: ends the first when nobody has patience any more, whatever the jobs wait for.
                halves.addTask { for await _ in self.patience {} }
                await halves.next()
                halves.cancelAll()
            }
            // A service ends no sooner than the server.
            try? await gracefulShutdown()
        } onGracefulShutdown: {
            self.entrance.finish()
        }
    }

    private func work() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                // One for each job, since none may wait for another. How many there are is bounded by those who submit.
                group.addTask { await job() }
            }
        }
    }
}
