import Foundation
package import Logging

/// Writes log lines to standard error: for people, or as one JSON object a line.
package struct StderrLogHandler: LogHandler {
    package enum Format: Sendable { case text, json }

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    private let format: Format
    private let label: String

    package init(label: String, format: Format, level: Logger.Level) {
        self.label = label
        self.format = format
        logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all = event.metadata.map { metadata.merging($0) { _, new in new } } ?? metadata
        let time = Date().ISO8601Format(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let line =
            switch format {
            case .text: LogLine.text(time: time, level: event.level, message: "\(event.message)", metadata: all)
            case .json:
                LogLine.json(time: time, level: event.level, label: label, message: "\(event.message)", metadata: all)
            }
        // One write a line, so that lines of different threads do not mix.
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }
}
