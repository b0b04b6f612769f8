package import MiddlewareKit

/// `storage:` of the configuration file.
package struct StorageSettings: OptionGroup {
    /// How sure a commit is, as SQLite's `PRAGMA synchronous` has it.
    package enum Synchronous: String, OptionChoice {
        case full, normal
    }

    package var place = Located("./data/sluice.db")
    package var synchronous = Synchronous.full
    package var busyTimeout: Duration = .seconds(5)

    package init() {}

    package var path: String { place.value }

    package static let options: [Option<Self>] = [
        Option(
            "path", \.place,
            help: "The file of the SQLite database. It is made, with its folder, when it is not there.",
            check: { problem(ofPath: $0.value) }
        ),
        Option(
            "synchronous", \.synchronous,
            help: "full: a stored message survives a power failure. normal: faster, but the last ones may be lost then."
        ),
        Option(
            "busy-timeout", \.busyTimeout,
            help: "How long to wait for another process that holds the database.",
            range: .seconds(0) ... .seconds(600)
        ),
    ]

    /// What SQLite, the system or a shell would take for something else.
    private static func problem(ofPath path: String) -> String? {
        if path.isEmpty { return "must be the path of a file" }
        if path == ":memory:" {
            return "must be the path of a file; a database in memory would lose every conversation"
        }
        if path.contains("\0") { return "must not hold a NUL character" }
        guard path.hasPrefix("~") else { return nil }
        return "must not begin with `~`, which only a shell takes for a home folder; write the folder, or \"${HOME}/…\""
    }
}
