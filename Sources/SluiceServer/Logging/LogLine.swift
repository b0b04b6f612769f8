import JSON
import Logging

/// The two forms of a log line.
enum LogLine {
    /// `12:30:01.123 warning  message  (key: value, …)`
    static func text(time: String, level: Logger.Level, message: String, metadata: Logger.Metadata) -> String {
        let clock = time.dropFirst(11).prefix(12)
        var line = "\(clock) \(level.rawValue.padded(to: 8)) \(TerminalText.line(message))"
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key): \(TerminalText.line("\($0.value)"))" }
            line += "  (\(pairs.joined(separator: ", ")))"
        }
        return line
    }

    static func json(
        time: String, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
    ) -> String {
        var object: JSONObject = [
            "time": .string(time), "level": .string(level.rawValue), "logger": .string(label),
            "message": .string(message),
        ]
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where object[key] == nil {
            object[key] = .string("\(value)")
        }
        return JSONValue.object(object).encoded()
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
