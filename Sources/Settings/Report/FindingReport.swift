import Files
package import MiddlewareKit

/// The findings of a configuration as text for a terminal: each with its line, a caret below the place, and a hint.
package struct FindingReport: Sendable {
    package let findings: [Finding]
    private let lines: SourceLines

    /// - Parameter isStrict: Warnings count as errors.
    package init(_ loaded: LoadedSettings, isStrict: Bool = false) {
        findings = loaded.findings.all.map { isStrict ? $0.asError : $0 }
        lines = loaded.lines
    }

    /// Of a file that cannot be read at all.
    package init(_ file: UnreadableFile) {
        let place = SourcePosition(file: file.path, line: 1, column: 1)
        findings = [Finding(severity: .error, position: place, message: file.description)]
        lines = SourceLines()
    }

    package var hasErrors: Bool { findings.contains { $0.severity == .error } }

    /// Empty when there is nothing to tell; otherwise it ends with a line end.
    package var text: String {
        findings.map { finding in
            var text = "\(finding.position): \(finding.severity.rawValue): \(finding.message)\n"
            let number = "\(finding.position.line)"
            let margin = String(repeating: " ", count: max(4, number.count))
            if let (line, caret) = lines.excerpt(at: finding.position) {
                text += "\(margin.dropLast(number.count))\(number) | \(line)\n\(margin) | \(caret)\n"
            }
            if let hint = finding.hint { text += "\(margin) = \(hint)\n" }
            return text
        }.joined()
    }

    /// `2 errors, 1 warning`
    package var summary: String {
        let errors = findings.count { $0.severity == .error }
        let warnings = findings.count - errors
        return [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }
            .map { "\($0.0) \($0.1)\($0.0 == 1 ? "" : "s")" }.joined(separator: ", ")
    }
}

extension Finding {
    fileprivate var asError: Finding {
        Finding(severity: .error, position: position, message: message, hint: hint)
    }
}
