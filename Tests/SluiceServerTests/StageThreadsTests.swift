import Dispatch
import MiddlewareKit
import MiddlewareTesting
import PipelineEngine
import Testing

@testable import SluiceServer

/// What a stage does to its thread.
@Suite struct StageThreadsTests {
    /// Blocks its thread until it is let go.
    private struct Blocking: Middleware {
        let end = DispatchSemaphore(value: 0)
        let begun: AsyncStream<Void>.Continuation

        func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
            begun.yield()
            if message.text == "block" { wait() }
            try await next(message, context)
        }

        private func wait() { end.wait() }
    }

    private func send(_ text: String, through chain: Chain) async throws -> Passage {
        try await chain.send(Sample.chat(text), context: Sample.context()) { _, _ in }
    }

    @Test(.timeLimit(.minutes(1))) func aStageThatBlocksItsThreadIsLeftBehindAndHoldsUpNobodyElse() async throws {
        let time = ManualTime()
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let stage = Blocking(begun: beginning)
        let chain = Chain(
            stages: [
                Stage(
                    name: "blocking", kind: "test", middleware: stage, timeout: .seconds(5),
                    executor: StageThreads.shared)
            ], time: time)
        // More of them than there are cores.
        let count = 16
        defer { for _ in 0..<count { stage.end.signal() } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                group.addTask {
                    let error = await #expect(throws: StageFailure.self) {
                        _ = try await self.send("block", through: chain)
                    }
                    #expect(error?.rejection.code == "stage_timeout")
                }
            }
            var started = begun.makeAsyncIterator()
            for _ in 0..<count { await started.next() }
            #expect(try await self.send("go on", through: chain) == .delivered)
            await time.waitForSleepers(1)
            time.advance(by: .seconds(5))
            try await group.waitForAll()
        }
        #expect(chain.stages[0].figures.current.timeouts == count)
    }

    /// Those that find no thread are told so in time, also below another stage that has such threads.
    @Test(.timeLimit(.minutes(1))) func moreBlockedCallsThanThreadsEndInTime() async throws {
        let time = ManualTime()
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let stage = Blocking(begun: beginning)
        let threads = StageThreads(count: 4)
        func entry(_ name: String, _ middleware: any Middleware) -> Stage {
            Stage(name: name, kind: "test", middleware: middleware, timeout: .seconds(5), executor: threads)
        }
        let chain = Chain(stages: [entry("above", PassOn()), entry("blocking", stage)], time: time)
        try await withThrowingTaskGroup(of: StageFailure?.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    await #expect(throws: StageFailure.self) { _ = try await self.send("block", through: chain) }
                }
            }
            var started = begun.makeAsyncIterator()
            for _ in 0..<4 { await started.next() }
            await time.waitForSleepers(1)
            // It does not even get as far as the stage that blocks.
            group.addTask {
                await #expect(throws: StageFailure.self) { _ = try await self.send("late", through: chain) }
            }
            await time.waitForSleepers(1)
            // A call is over once its stage is, and the stage above has to find a thread to hear of it.
            let ticking = Task {
                while !Task.isCancelled {
                    time.advance(by: .seconds(1))
                    await Task.yield()
                }
            }
            var ended = 0
            for try await failure in group {
                #expect(failure?.rejection.code == "stage_timeout")
                ended += 1
            }
            ticking.cancel()
            #expect(ended == 5)
        }
        for _ in 0..<5 { stage.end.signal() }
        await threads.shutdown()
    }

    private struct PassOn: Middleware {}
}
