import Testing

@testable import OpenClawTesting

@Suite(.timeLimit(.minutes(1)))
struct MailboxTests {
    @Test func handsOutTheOldestMatchOnce() async throws {
        let mailbox = Mailbox<Int>(capacity: 10)
        for number in 1...4 { mailbox.deliver(number) }
        #expect(try await mailbox.next { $0.isMultiple(of: 2) } == 2)
        #expect(try await mailbox.next { $0.isMultiple(of: 2) } == 4)
        #expect(try await mailbox.next() == 1)
        #expect(try await mailbox.next() == 3)
    }

    @Test func waitsForAMatch() async throws {
        let mailbox = Mailbox<Int>(capacity: 10)
        async let even = mailbox.next { $0.isMultiple(of: 2) }
        mailbox.deliver(1)
        mailbox.deliver(2)
        let number = try await even
        #expect(number == 2)
    }

    @Test func keepsTheNewest() async throws {
        let mailbox = Mailbox<Int>(capacity: 2)
        for number in 1...3 { mailbox.deliver(number) }
        #expect(try await mailbox.next() == 2)
    }

    @Test func cancellingEndsTheWait() async {
        let mailbox = Mailbox<Int>(capacity: 2)
        let waiting = Task { try await mailbox.next() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }
}
