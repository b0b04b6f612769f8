import Foundation
package import MiddlewareKit
package import Settings

/// Looks at the place that `storage.path` names, without making anything there.
package enum StorageFile {
    package static func check(_ settings: Settings, findings: inout Findings) {
        let place = settings.storage.place
        let path = place.value
        let shown = place.isFromEnvironment ? "what the environment variable names" : "`\(path)`"
        var facts = stat()
        if stat(path, &facts) == 0 {
            guard facts.st_mode & S_IFMT == S_IFREG else {
                let isFolder = facts.st_mode & S_IFMT == S_IFDIR
                return findings.error(
                    at: place.position, "\(shown) is \(isFolder ? "a folder" : "no file"), so it can hold no database",
                    hint: "name a file, such as ./data/sluice.db")
            }
            guard access(path, R_OK | W_OK) != 0 else { return }
            return findings.warning(at: place.position, "this user may not write to \(shown)")
        }
        // The folders that are not there yet will be made.
        var folder = URL(filePath: path).deletingLastPathComponent().standardizedFileURL
        while stat(folder.path, &facts) != 0, folder.path != "/" {
            folder = folder.deletingLastPathComponent()
        }
        guard facts.st_mode & S_IFMT == S_IFDIR else {
            return findings.error(
                at: place.position, "\(shown) cannot be made: a part of the path is no folder",
                hint: "name a file in a folder, such as ./data/sluice.db")
        }
        guard access(folder.path, W_OK | X_OK) != 0 else { return }
        let named = place.isFromEnvironment ? "the folder of \(shown)" : "the folder `\(folder.path)`"
        findings.warning(at: place.position, "this user may make nothing in \(named), where the database is to be")
    }
}
