import Files
import Foundation

/// What tells one state of a file or folder from another, without reading it. Links are followed: a deployment may change a file by
/// letting a link lead elsewhere.
package struct FileStamp: Sendable, Hashable {
    package let path: String
    let state: String
    /// For a person: when the file was written.
    let words: String

    /// The file as it is now, which may be missing.
    package init(of path: String) {
        self.path = path
        guard let facts = FileFacts(of: path) else {
            (state, words) = ("missing", "missing")
            return
        }
        state = "\(facts.modified) \(facts.size) \(facts.number)"
        let date = Date(timeIntervalSince1970: TimeInterval(facts.modified.components.seconds))
        words = "of \(date.formatted(.iso8601))"
    }
}
