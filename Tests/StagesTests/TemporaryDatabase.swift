import Foundation
import Storage

/// A database in a folder of its own, removed when the test is over.
final class TemporaryDatabase: Sendable {
    let database: Database
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "sluice-stages-\(UUID().uuidString)")
        database = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
}
