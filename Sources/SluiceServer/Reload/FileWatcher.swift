import MiddlewareKit
import ServiceLifecycle
import Settings

/// Reloads the configuration when one of its files has changed, and then stayed the same for a moment: editors and
/// deployments write in several steps.
struct FileWatcher: Service {
    /// What the files were like just before they were read the last time.
    let known: @Sendable () async -> [FileStamp]
    /// Reads the configuration again.
    let reload: @Sendable () async -> Void
    let time: any TimeSource
    var pause = Duration.seconds(1)

    func run() async {
        await cancelWhenGracefulShutdown { await watch() }
    }

    /// Runs until the task is cancelled.
    func watch() async {
        while await pauseEnds() {
            let known = await known()
            var seen = Self.now(known)
            // Changing: wait until it looks the same twice.
            while seen != known, await pauseEnds() {
                let next = Self.now(known)
                if next == seen { break }
                seen = next
            }
            guard seen != known, !Task.isCancelled else { continue }
            await reload()
        }
    }

    /// False when the server is to end.
    private func pauseEnds() async -> Bool { (try? await time.sleep(for: pause)) != nil }

    private static func now(_ stamps: [FileStamp]) -> [FileStamp] { stamps.map { FileStamp(of: $0.path) } }
}
