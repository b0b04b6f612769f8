import Testing

@testable import PipelineEngine

@Suite struct StageGateTests {
    /// Who waits for the stage may find out only later.
    @Test func whoseTimeIsOverCannotPassTheMessageOn() async throws {
        let gate = StageGate(startedAt: .zero, limit: .seconds(1))
        #expect(!gate.expire(at: .milliseconds(999)))
        #expect(gate.expire(at: .seconds(1)))
        #expect(throws: NextMisuse.self) { try gate.open(at: .seconds(1)) }
        #expect(!gate.bar().hasPassed)
    }

    @Test func whoPassedTheMessageOnInTimeHasNotExpired() throws {
        let gate = StageGate(startedAt: .zero, limit: .seconds(1))
        try gate.open(at: .milliseconds(999))
        #expect(!gate.expire(at: .seconds(5)))
        gate.close(at: .seconds(5))
        #expect(!gate.expire(at: .seconds(5)))
        #expect(gate.expire(at: .seconds(6)))
        #expect(gate.bar().hasPassed)
    }
}
