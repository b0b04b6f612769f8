import BrowserEndpoint
import MiddlewareKit
import NIOCore
import PipelineEngine
import Settings
import WebSocketTransport

/// From the words of config.yaml to the parts' own values.
extension Settings {
    var hubLimits: BrowserHub.Limits {
        var limits = BrowserHub.Limits()
        limits.maxConnections = server.maxConnections
        limits.maxMessageBytes = server.maxMessageSize.bytes
        limits.authTimeout = server.authTimeout
        return limits
    }

    var webSocketOptions: WebSocketOptions {
        var options = WebSocketOptions()
        options.maxMessageBytes = server.maxMessageSize.bytes
        options.pingInterval = TimeAmount(server.pingInterval)
        options.maxQueuedBytes = server.queueSize.bytes
        return options
    }

    /// Where the identity and the key file lie: beside the database.
    var dataFolder: String {
        guard let slash = storage.path.lastIndex(of: "/") else { return "." }
        return slash == storage.path.startIndex ? "/" : String(storage.path[..<slash])
    }
}

extension Stage {
    convenience init(_ planned: PlannedStage, instance: StageInstance) {
        let entry = planned.entry
        self.init(
            name: entry.name, kind: planned.plugin.kind, instance: instance,
            condition: entry.when ?? .always, mode: entry.mode == .shadow ? .shadow : .enforce,
            timeout: planned.timeout, onError: planned.onError,
            executor: planned.plugin.isQuick ? nil : StageThreads.shared,
            hold: Hold(bytes: entry.hold.bytes.bytes, time: entry.hold.time), options: planned.shownOptions)
    }
}
