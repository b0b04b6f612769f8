package import Settings
package import Storage

extension Database {
    /// Opens the database that the settings name.
    package static func open(_ settings: StorageSettings) throws -> Database {
        try open(
            path: settings.path, synchronous: settings.synchronous == .full ? .full : .normal,
            busyTimeout: settings.busyTimeout)
    }
}
