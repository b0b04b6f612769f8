import Foundation
package import JSON
import MiddlewareKit

/// The report for programs.
extension FindingReport {
    /// `{good, errors, warnings, findings: [{file, line, column, severity, message, hint}]}`
    package var json: JSONValue {
        let errors = findings.count { $0.severity == .error }
        return [
            "good": .bool(errors == 0),
            "errors": .integer(Int64(errors)),
            "warnings": .integer(Int64(findings.count - errors)),
            "findings": .array(findings.map(\.json)),
        ]
    }

    /// The report as a log of SARIF 2.1.0, which code hosts and editors read.
    package func sarif(version: String) -> JSONValue {
        let results = findings.map { finding -> JSONValue in
            let place: JSONValue = [
                "artifactLocation": ["uri": .string(Self.reference(to: finding.position.file))],
                "region": [
                    "startLine": .integer(Int64(finding.position.line)),
                    "startColumn": .integer(Int64(finding.position.column)),
                ],
            ]
            let words = finding.message + (finding.hint.map { " (\($0))" } ?? "")
            return [
                "ruleId": "configuration",
                "level": .string(finding.severity.rawValue),
                "message": ["text": .string(words)],
                "locations": [["physicalLocation": place]],
            ]
        }
        let driver: JSONValue = [
            "name": "sluice check", "version": .string(version),
            "rules": [["id": "configuration", "shortDescription": ["text": "What is wrong with a configuration."]]],
        ]
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [["tool": ["driver": driver], "columnKind": "unicodeCodePoints", "results": .array(results)]],
        ]
    }
}

extension FindingReport {
    /// A path as a part of a URI. Before a `:` others would look for a scheme.
    private static func reference(to path: String) -> String {
        path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed.subtracting([":"])) ?? path
    }
}

extension Finding {
    package var json: JSONValue {
        [
            "file": .string(position.file), "line": .integer(Int64(position.line)),
            "column": .integer(Int64(position.column)), "severity": .string(severity.rawValue),
            "message": .string(message), "hint": hint.map { .string($0) } ?? .null,
        ]
    }
}
