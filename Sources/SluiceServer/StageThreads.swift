import NIOPosix

/// Threads of their own for stages that may compute for long or block: what such a stage does to its thread reaches neither
/// sockets nor storage, nor the clock that ends its call. A call that blocks for ever keeps its thread for ever; when all are
/// blocked, messages wait for stages of this sort, and only for those.
final class StageThreads: TaskExecutor {
    /// One for the process, made when a stage first needs it.
    static let shared = StageThreads(count: 32)

    private let pool: NIOThreadPool

    init(count: Int) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    /// Of those that are not shared. Returns when no call runs.
    func shutdown() async { try? await pool.shutdownGracefully() }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pool.submit { _ in job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
