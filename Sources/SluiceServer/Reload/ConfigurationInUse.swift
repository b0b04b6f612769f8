import Settings

/// What the server runs by: what a reload can apply is of the last one, all else is of the start.
struct ConfigurationInUse: Sendable {
    private let started: LoadedSettings
    private(set) var last: LoadedSettings

    init(_ loaded: LoadedSettings) { (started, last) = (loaded, loaded) }

    /// What would be different with other settings. What has waited for a restart since an earlier reload is told again, and
    /// what is as it was at the start is not told.
    func changes(to new: LoadedSettings) -> [ConfigChange] {
        ConfigDiff.changes(from: started, to: new).filter(\.needsRestart)
            + ConfigDiff.changes(from: last, to: new).filter { !$0.needsRestart }
    }

    /// Whether the settings say what those say that were read last.
    func isUnchanged(by new: LoadedSettings) -> Bool { ConfigDiff.changes(from: last, to: new).isEmpty }

    /// The address that the server listens on until it is restarted.
    var boundHost: String? { started.settings?.server.host }

    /// A file that said something, and says nothing any more: likely it is just being written.
    func emptied(by new: LoadedSettings) -> String? {
        new.emptyFiles.first { last.paths.contains($0) && !last.emptyFiles.contains($0) }
    }

    mutating func use(_ new: LoadedSettings) { last = new }
}
