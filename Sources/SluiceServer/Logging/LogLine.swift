import JSON
import Logging

/// The two forms of a log line.
enum LogLine {
    /// `12:30:01.123 warning  message  (key: value, …)`
    static func text(time: String, level: Logger.Level, message: String, metadata: Logger.Metadata) -> String {
        let clock = time.dropFirst(11).prefix(12)
        var line = "\(clock) \(level.rawValue.padded(to: 8)) \(escaped(message))"
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key): \(escaped("\($0.value)"))" }
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

    /// Control characters could draw on the terminal or fake a second line.
    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        return text.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : String(scalar)
        }.joined()
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
