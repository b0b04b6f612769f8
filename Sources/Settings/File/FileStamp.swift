import Foundation

/// What tells one state of a file or folder from another, without reading it.
package struct FileStamp: Sendable, Hashable {
    package let path: String
    let state: String
    /// For a person: when the file was written.
    let words: String

    /// The file as it is now, which may be missing.
    package init(of path: String) {
        self.path = path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else {
            (state, words) = ("missing", "missing")
            return
        }
        let date = attributes[.modificationDate] as? Date ?? Date(timeIntervalSince1970: 0)
        state =
            "\(date.timeIntervalSince1970) \(attributes[.size] ?? 0) \(attributes[.systemFileNumber] ?? 0)"
        words = "of \(date.formatted(.iso8601))"
    }
}
