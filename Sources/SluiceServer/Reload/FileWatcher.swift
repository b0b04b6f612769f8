import Foundation
import MiddlewareKit
import ServiceLifecycle

/// Reloads the configuration when one of its files has changed, and then stayed the same for a moment: editors and
/// deployments write in several steps.
struct FileWatcher: Service {
    let reloader: Reloader
    let time: any TimeSource
    var pause = Duration.seconds(1)

    func run() async {
        await cancelWhenGracefulShutdown {
            var known = Self.stamp(of: await reloader.paths)
            while await pauseEnds() {
                var seen = Self.stamp(of: await reloader.paths)
                // Changing: wait until it looks the same twice.
                while seen != known, await pauseEnds() {
                    let next = Self.stamp(of: await reloader.paths)
                    if next == seen { break }
                    seen = next
                }
                guard seen != known, !Task.isCancelled else { continue }
                let report = await reloader.reload(trigger: "file change")
                if report.outcome != .busy { known = Self.stamp(of: await reloader.paths) }
            }
        }
    }

    /// False when the server is to end.
    private func pauseEnds() async -> Bool { (try? await time.sleep(for: pause)) != nil }

    /// What tells one state of files from another, without reading them.
    static func stamp(of paths: [String]) -> [String] {
        paths.map { path in
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
                return "\(path): none"
            }
            let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            return "\(path): \(time) \(attributes[.size] ?? 0) \(attributes[.systemFileNumber] ?? 0)"
        }
    }
}
