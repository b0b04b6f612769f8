package import JSON
package import MiddlewareKit
package import Settings

/// What came of reading the configuration again.
package struct ReloadReport: Sendable {
    package enum Outcome: String, Sendable {
        /// The new configuration is in use, but for what needs a restart.
        case applied
        /// It says what the one in use says.
        case unchanged
        /// It would be applied; this was only a question.
        case possible
        /// It has errors, and the old one stays in use.
        case failed
        /// The server is being stopped; nothing was done.
        case stopping
    }

    package var outcome: Outcome
    /// The number of the configuration in use.
    package var generation: Int
    /// What differs from what the server runs by, also what has waited for a restart since an earlier reload.
    package var changes: [ConfigChange] = []
    package var findings: [Finding] = []
    /// The one before it failed.
    package var followsFailure = false
    /// The files of the certificate hold another one than before, which is in use now.
    package var hasNewCertificate = false
    /// Why it failed, when that is not in the findings.
    package var problem: String?

    /// One sentence.
    package var summary: String {
        switch outcome {
        case .unchanged:
            (followsFailure ? "all is well again: " : "") + "the configuration has not changed"
                + (hasNewCertificate ? ", and a new certificate is in use" : "") + restart
        case .stopping: "the configuration was not reloaded: the server is being stopped"
        case .applied: "the configuration is in use as generation \(generation)" + restart
        case .possible: "the configuration can be used; generation \(generation) is in use now" + restart
        case .failed:
            "the configuration was not reloaded, generation \(generation) stays in use: "
                + (problem ?? findings.first { $0.severity == .error }.map(\.description) ?? "it has errors")
        }
    }

    private func effect(of change: ConfigChange) -> String {
        switch outcome {
        case .failed, .stopping: "none"
        case .applied, .unchanged, .possible: change.needsRestart ? "needs-restart" : "applied"
        }
    }

    private var restart: String {
        needsRestart.isEmpty ? "" : "; a restart is needed for \(needsRestart.joined(separator: ", "))"
    }

    package var needsRestart: [String] { changes.filter(\.needsRestart).map(\.path) }

    package var json: JSONValue {
        [
            "outcome": .string(outcome.rawValue), "generation": .integer(Int64(generation)),
            "summary": .string(summary), "problem": problem.map { .string($0) } ?? .null,
            "changes": .array(
                changes.map { change in
                    [
                        "path": .string(change.path), "before": change.before.map { .string($0) } ?? .null,
                        "after": change.after.map { .string($0) } ?? .null,
                        "effect": .string(effect(of: change)),
                    ]
                }),
            "findings": .array(findings.map(\.json)),
        ]
    }
}
