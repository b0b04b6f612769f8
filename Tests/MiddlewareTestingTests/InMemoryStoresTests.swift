import MiddlewareKit
import MiddlewareTesting
import Testing

@Suite struct InMemoryStoresTests {
    private let failure = StorageFailure(reason: .full, description: "the disk is full")

    private func record(_ role: MessageRecord.Role, run: String = "run-1") -> MessageRecord {
        MessageRecord(
            gateway: "home", sessionKey: "one", owner: nil, role: role, runID: run, text: "hi",
            timestamp: Timestamp(milliseconds: 0))
    }

    @Test func messagesAreKeptInOrderAndOnce() async throws {
        let store = InMemoryMessageStore()
        let row = OutboxRow(stage: "hook", topic: "message", payload: "1")
        #expect(try await store.store(record(.user), rows: [row]) == 1)
        #expect(try await store.store(record(.assistant), rows: []) == 2)
        #expect(try await store.store(record(.user), rows: [row]) == 1)
        #expect(try await store.store(record(.user, run: "run-2"), rows: []) == 3)
        #expect(store.records.map(\.runID) == ["run-1", "run-1", "run-2"])
        #expect(store.rows == [row])
    }

    @Test func aStoreThatFailsKeepsNothing() async throws {
        let store = InMemoryMessageStore()
        store.fail(with: failure)
        await #expect(throws: failure) { try await store.store(record(.user), rows: []) }
        #expect(store.records.isEmpty)
        store.fail(with: nil)
        _ = try await store.store(record(.user), rows: [])
        #expect(store.records.count == 1)
    }

    @Test func keysAreFoundByTheirIDs() async throws {
        let key = StoredKey(
            id: "aabbccdd", user: "ada", isAdministrator: false, secretHash: [], createdAt: Timestamp(milliseconds: 0),
            revokedAt: nil)
        let store = InMemoryKeyStore([key])
        #expect(try await store.key(id: "aabbccdd") == key)
        #expect(try await store.key(id: "other") == nil)
        #expect(store.lookups == 2)
        store.fail(with: failure)
        await #expect(throws: failure) { try await store.key(id: "aabbccdd") }
    }
}
