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
    /// More than is shown, so that no secret is cut in two before it is hidden.
    private let capacity: Int
    private var line: [UInt8] = []
    private var isCut = false
    private var second: Duration = .zero
    private var count = 0

    init(secrets: [String], time: any TimeSource, logger: Logger) {
        self.secrets = secrets
        self.time = time
        self.logger = logger
        capacity = Self.maxLine + Self.longest(secrets)
    }

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                endLine()
            } else if line.count < capacity {
                line.append(byte)
            } else {
                isCut = true
            }
        }
    }

    /// Nothing follows.
    mutating func finish() {
        endLine()
        tellOmitted()
    }

    private mutating func endLine() {
        defer { (line, isCut) = ([], false) }
        guard !line.isEmpty else { return }
        if time.uptime - second >= .seconds(1) {
            tellOmitted()
            (second, count) = (time.uptime, 0)
        }
        count += 1
        guard count <= Self.linesPerSecond else { return }
        var text = Self.hiding(secrets, in: String(decoding: line, as: UTF8.self))
        // Its end may be the beginning of a secret.
        if isCut { text = String(text.dropLast(Self.longest(secrets))) }
        logger.notice("the program says: \(text.prefix(Self.maxLine))")
    }

    /// Also each line of a secret that has several. The longest go first, as one may be a part of another.
    static func hiding(_ secrets: [String], in text: String) -> String {
        let lines = secrets.flatMap { secret in [secret] + secret.split(whereSeparator: \.isNewline).map { String($0) }
        }
        return lines.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
            .reduce(text) { $0.replacing($1, with: "<redacted>") }
    }

    private static func longest(_ secrets: [String]) -> Int { secrets.map(\.utf8.count).max() ?? 0 }

    private func tellOmitted() {
        guard count > Self.linesPerSecond else { return }
        logger.notice("the program said \(count - Self.linesPerSecond) lines more, which are left out here")
    }
}
