import Foundation
import MiddlewareKit

/// Held by the server that uses a database. A second one would take the runs of the first for some that a stop left over.
///
/// The system lets go of it when the process ends, however that happens. Commands that only read or add something need none.
package final class ServingLock: Sendable {
    private let file: Int32

    /// - Throws: ``StorageFailure`` when another process has it, or the file beside the database cannot be made.
    package init(database path: String) throws {
        let name = path + ".lock"
        file = Foundation.open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw StorageFailure(reason: .readOnly, description: "the file \(name) cannot be made")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            _ = Foundation.close(file)
            throw StorageFailure(
                reason: .other,
                description:
                    "another Sluice uses the database \(path); stop it, or give this one another `storage.path`")
        }
    }

    package func release() { _ = flock(file, LOCK_UN) }

    deinit { _ = Foundation.close(file) }
}
