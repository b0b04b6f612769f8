import Foundation
import MiddlewareKit
import Storage
import Testing

@Suite struct ServingLockTests {
    private let path = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString).db").path

    @Test func aDatabaseHasOneServer() throws {
        let first = try ServingLock(database: path)
        let failure = #expect(throws: StorageFailure.self) { try ServingLock(database: path) }
        #expect(failure?.description.contains("another Sluice uses the database \(path)") == true)
        first.release()
        _ = try ServingLock(database: path)
        try FileManager.default.removeItem(atPath: path + ".lock")
    }

    @Test func aFolderThatIsNotThereIsNamed() {
        let failure = #expect(throws: StorageFailure.self) { try ServingLock(database: "/nowhere/sluice.db") }
        #expect(failure?.description.contains("/nowhere/sluice.db.lock cannot be made") == true)
    }
}
