import MiddlewareKit
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

    /// How the server is reached until it is restarted.
    var server: ServerSettings? { started.settings?.server }

    /// See ``LoadedSettings/lostGate(in:)``.
    func lostGate(in new: LoadedSettings) -> Finding? { last.lostGate(in: new) }

    /// What is wrong with a file or a folder that said something, and says nothing any more: likely it is just being written, or was
    /// not mounted.
    func emptied(by new: LoadedSettings) -> String? {
        func emptied(_ files: KeyPath<LoadedSettings, [String]>) -> String? {
            new[keyPath: files].first { last.paths.contains($0) && !last[keyPath: files].contains($0) }
        }
        func problem(_ file: String, _ advice: String) -> String {
            "nothing stands in \(file) any more, as when it is just being written; \(advice)"
        }
        return emptied(\.emptyFiles).map { problem($0, "write {} there if that is meant") }
            ?? emptied(\.emptyFolders).map {
                "no file that ends in .yaml or .yml stands in the folder \($0) any more, as when what belongs there is not mounted; "
                    + "if that is meant, write {} into a file there, or take it out of `include`"
            }
            ?? emptied(\.emptySecrets).map {
                problem($0, "write the value into it, or take its `${file:…}` out of the configuration")
            }
    }

    mutating func use(_ new: LoadedSettings) { last = new }
}
