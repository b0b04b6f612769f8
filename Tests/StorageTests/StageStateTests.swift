import Foundation
import MiddlewareKit
import Storage
import Testing

@Suite struct StageStateTests {
    private let counter = StageCounter(stage: "quota", key: "ada")
    private let later = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) + 3_600_000)
    private let past = Timestamp(milliseconds: 1)

    @Test func numbersAddUpAndAreKeptApart() async throws {
        try await withDatabase { database async throws -> Void in
            #expect(try await database.value(of: counter) == 0)
            #expect(try await database.add(2, to: counter, expires: later) == 2)
            #expect(try await database.add(-1, to: counter, expires: later) == 1)
            #expect(try await database.value(of: counter) == 1)
            #expect(try await database.value(of: StageCounter(stage: "other", key: "ada")) == 0)
        }
    }

    @Test func whatHasExpiredIsForgotten() async throws {
        try await withDatabase { database in
            for number in 0..<30 {
                _ = try await database.add(5, to: StageCounter(stage: "quota", key: "\(number)"), expires: past)
            }
            #expect(try await database.value(of: StageCounter(stage: "quota", key: "29")) == 0)
            #expect(try await database.add(1, to: counter, expires: later) == 1)
            for _ in 0..<3 { _ = try await database.add(1, to: counter, expires: later) }
            #expect(try await database.count("stage_state") == 1)
        }
    }

    @Test func callsAtTheSameTimeAddUp() async throws {
        try await withDatabase { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask { _ = try await database.add(1, to: counter, expires: later) }
                }
                try await group.waitForAll()
            }
            #expect(try await database.value(of: counter) == 50)
        }
    }
}
