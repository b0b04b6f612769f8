import Foundation
import MiddlewareKit
import MiddlewareTesting
import Storage
import Testing

@testable import SluiceServer

/// What `sluice transcript` makes of stored messages.
@Suite struct HistoryTranscriptTests {
    @Test func answersThatWereStoppedOrFailedHaveTheirOwnKind() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5))
        let states: [MessageRecord.State] = [.complete, .aborted, .failed]
        for (number, state) in states.enumerated() {
            for role in [MessageRecord.Role.user, .assistant] {
                let record = MessageRecord(
                    gateway: "home", sessionKey: "agent:main:web", owner: nil, role: role,
                    state: role == .user ? .complete : state, runID: "r\(number)", text: "words",
                    error: role == .assistant && state == .failed ? "It broke." : nil,
                    timestamp: Timestamp(milliseconds: Int64(number)))
                try await database.store(record, rows: [])
            }
        }
        let transcript = try await Transcript(of: "agent:main:web", gateway: "home", limit: 10, in: database)
        #expect(
            transcript?.entries.map(\.kind) == ["chat", "final", "chat", "aborted", "chat", "error"])
        #expect(transcript?.entries.last?.detail == "It broke.")
        try database.close()
    }

    /// They came from the gateway, so no limit counts them.
    @Test func whatOtherClientsWroteIsNoMessageFromABrowser() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try Database.open(
            path: folder.appending(path: "test.db").path(), synchronous: .normal, busyTimeout: .seconds(5))
        for run in ["r1", RunName.message("m1"), RunName.history("h1")] {
            let record = MessageRecord(
                gateway: "home", sessionKey: "agent:main:web", owner: "ada", role: .user, runID: run, text: run,
                timestamp: Timestamp(milliseconds: 1000))
            try await database.store(record, rows: [])
        }
        let transcript = try await Transcript(of: "agent:main:web", gateway: "home", limit: 10, in: database)
        #expect(transcript?.entries.map(\.kind) == ["chat", "message", "message"])
        #expect(transcript?.entries.map(\.type) == [.inbound, .outbound, .outbound])
        try database.close()
    }
}
