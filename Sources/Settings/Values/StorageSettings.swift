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
            check: { $0.value.isEmpty ? "must be the path of a file" : nil }
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
}
