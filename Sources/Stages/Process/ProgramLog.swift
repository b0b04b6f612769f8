import Logging
import MiddlewareKit

/// Puts what a program writes to its standard error into the log, line by line: long lines cut, secrets hidden, and not more
/// than so many lines a second.
struct ProgramLog {
    static let maxLine = 1000
    static let linesPerSecond = 20

    let secrets: [String]
    let time: any TimeSource
    let logger: Logger
    private var line: [UInt8] = []
    private var second: Duration = .zero
    private var count = 0

    init(secrets: [String], time: any TimeSource, logger: Logger) {
        self.secrets = secrets
        self.time = time
        self.logger = logger
    }

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                endLine()
            } else if line.count < Self.maxLine {
                line.append(byte)
            }
        }
    }

    /// Nothing follows.
    mutating func finish() {
        endLine()
        tellOmitted()
    }

    private mutating func endLine() {
        defer { line = [] }
        guard !line.isEmpty else { return }
        if time.uptime - second >= .seconds(1) {
            tellOmitted()
            (second, count) = (time.uptime, 0)
        }
        count += 1
        guard count <= Self.linesPerSecond else { return }
        logger.notice("the program says: \(Self.hiding(secrets, in: String(decoding: line, as: UTF8.self)))")
    }

    static func hiding(_ secrets: [String], in text: String) -> String {
        secrets.filter { !$0.isEmpty }.reduce(text) { $0.replacing($1, with: "<redacted>") }
    }

    private func tellOmitted() {
        guard count > Self.linesPerSecond else { return }
        logger.notice("the program said \(count - Self.linesPerSecond) lines more, which are left out here")
    }
}
