/// Something in a file that is wrong, or probably not meant, in words for the person who wrote it.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    public enum Severity: String, Sendable, Hashable {
        /// The file cannot be used.
        case error
        /// The file can be used, but likely does something else than was meant.
        case warning
    }

    public let severity: Severity
    public let position: SourcePosition
    /// What is wrong. Never holds a secret or a value from the environment.
    public let message: String
    /// What to do about it.
    public let hint: String?

    public init(severity: Severity, position: SourcePosition, message: String, hint: String? = nil) {
        self.severity = severity
        self.position = position
        self.message = message
        self.hint = hint
    }

    /// `file:line:column: error: message (hint)`
    public var description: String {
        "\(position): \(severity.rawValue): \(message)" + (hint.map { " (\($0))" } ?? "")
    }
}

/// All that was found in a file. Bounded: after ``limit`` findings the rest is only counted.
public struct Findings: Sendable {
    /// How many findings are kept.
    public static let limit = 100

    private var kept: [Finding] = []
    private var leftOut = 0
    /// How many errors were found, also those that are only counted.
    public private(set) var errorCount = 0

    /// Where secrets stand in the file itself, instead of in the environment or in a file of their own.
    package private(set) var clearSecrets: [SourcePosition] = []

    public init() {}

    public var hasErrors: Bool { errorCount > 0 }

    /// The findings in the order of their positions; at the end how many were left out, if any were.
    public var all: [Finding] {
        // The number in the list keeps findings of the same position in the order in which they were made.
        let sorted = kept.enumerated().sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
        let findings = sorted.map(\.element)
        guard leftOut > 0, let last = findings.last else { return findings }
        let severity: Finding.Severity = hasErrors ? .error : .warning
        return findings + [Finding(severity: severity, position: last.position, message: "and \(leftOut) more")]
    }

    public mutating func error(at position: SourcePosition, _ message: String, hint: String? = nil) {
        errorCount += 1
        add(Finding(severity: .error, position: position, message: message, hint: hint))
    }

    public mutating func warning(at position: SourcePosition, _ message: String, hint: String? = nil) {
        add(Finding(severity: .warning, position: position, message: message, hint: hint))
    }

    /// Remembers that a secret stands in clear at this place.
    package mutating func noteClearSecret(at position: SourcePosition) { clearSecrets.append(position) }

    /// Adds what was found elsewhere. The same finding a second time, as when two chains share a stage, counts once.
    public mutating func add(_ others: Findings) {
        clearSecrets += others.clearSecrets
        for finding in others.kept where !kept.contains(finding) {
            if finding.severity == .error { errorCount += 1 }
            add(finding)
        }
        leftOut += others.leftOut
        errorCount += others.errorCount - others.kept.count { $0.severity == .error }
    }

    /// The same with other words, and names of files.
    package func rewritten(_ words: (String) -> String, files: (String) -> String) -> Findings {
        var findings = self
        findings.kept = kept.map { finding in
            var place = finding.position
            place.file = files(place.file)
            return Finding(
                severity: finding.severity, position: place, message: words(finding.message),
                hint: finding.hint.map(words))
        }
        return findings
    }

    private mutating func add(_ finding: Finding) {
        if kept.count < Self.limit {
            kept.append(finding)
        } else {
            leftOut += 1
        }
    }
}
