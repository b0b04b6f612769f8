import Foundation

/// What tells one state of a file or folder from another, without reading it.
package struct FileStamp: Sendable, Hashable {
    package let path: String
    private let state: String

    /// The file as it is now, which may be missing.
    package init(of path: String) {
        self.path = path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
            state = "missing"
            return
        }
        let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        state = "\(time) \(attributes[.size] ?? 0) \(attributes[.systemFileNumber] ?? 0)"
    }
}
