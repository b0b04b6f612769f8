import Synchronization

/// The steps of a check, so that one that stands still can be told from one that is only long.
final class Steps: Sendable {
    private let count = Atomic(0)

    func take() { count.add(1, ordering: .relaxed) }

    /// What `work` says, or `words` when it takes no step for so long: then it is cancelled, and left behind.
    static func watched(
        _ patience: Duration, orElse words: String, _ work: @escaping @Sendable (Steps) async -> String?
    ) async -> String? {
        let steps = Steps()
        let (ends, continuation) = AsyncStream.makeStream(of: String?.self, bufferingPolicy: .bufferingOldest(1))
        // No child: a group would wait for work that hangs, which is just what is looked for.
        let task = Task(executorPreference: TrialThreads.shared) { continuation.yield(await work(steps)) }
        // Not a child either, for the same reason; it ends with the check.
        let watch = Task {
            var seen = -1
            while seen != steps.count.load(ordering: .relaxed) {
                seen = steps.count.load(ordering: .relaxed)
                try await Task.sleep(for: patience)
            }
            continuation.yield(words)
        }
        defer {
            watch.cancel()
            task.cancel()
        }
        for await end in ends { return end }
        return nil
    }
}
