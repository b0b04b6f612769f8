import Dispatch

/// Threads of their own for the middleware under trial: one that blocks its thread keeps neither the watch over it nor the rest
/// of the tests from going on.
final class TrialThreads: TaskExecutor {
    static let shared = TrialThreads()

    private let queue = DispatchQueue(label: "sluice.trial", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
