import BrowserEndpoint
import Foundation
import MiddlewareKit
import OpenClawTesting
import PipelineEngine
import Storage
import Synchronization
import Testing

/// A stop while stages are at work that would go on for long.
@Suite(.timeLimit(.minutes(1))) struct StopTests {
    /// Says that it has a message, and keeps it until it is cancelled.
    private struct Endless: Middleware {
        let handles: StagePaths
        let began: AsyncStream<Void>.Continuation

        func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
            try await wait()
        }

        func outbound(_ event: OutboundEvent, context: MessageContext, next: Next<OutboundEvent>) async throws {
            try await wait()
        }

        private func wait() async throws {
            began.yield()
            for await _ in AsyncStream<Void>.makeStream().stream {}
            throw CancellationError()
        }
    }

    private func options(
        _ handles: StagePaths, timeout: Duration?, _ policy: FailurePolicy
    ) -> (Rig.Options, AsyncStream<Void>) {
        let (beginnings, began) = AsyncStream<Void>.makeStream()
        var options = Rig.Options()
        options.stages = [
            Stage(
                name: "endless", kind: "test", middleware: Endless(handles: handles, began: began), timeout: timeout,
                onError: policy)
        ]
        return (options, beginnings)
    }

    @Test(arguments: [nil, .seconds(30)] as [Duration?], [FailurePolicy.closed, .open])
    func aMessageThatAStageIsAtWorkOnDoesNotHoldItUp(timeout: Duration?, policy: FailurePolicy) async throws {
        let (options, beginnings) = options(StagePaths(inbound: [.chat]), timeout: timeout, policy)
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", run: "r")
            for await _ in beginnings { break }
            await rig.hub.drain(timeout: .zero)
            #expect(try await browser.closeCode() == 1001)
            // No stage was asked, so nothing may go on without it.
            #expect(try await rig.database.session(gateway: "home", key: "agent:main:s") == nil)
        }
    }

    /// It is no failure of the run, which would be its end.
    @Test(arguments: [nil, .seconds(30)] as [Duration?], [FailurePolicy.closed, .open])
    func anAnswerThatAStageIsAtWorkOnIsLookedForByTheNextStart(timeout: Duration?, policy: FailurePolicy) async throws {
        var (options, beginnings) = options(StagePaths(outbound: [.final]), timeout: timeout, policy)
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        options.folder = folder
        try await Rig.run(options) { rig in
            let browser = try await rig.browser()
            browser.chat("Hello", run: "r")
            let run = try await rig.gateway.nextRun()
            await run.final("Hi")
            for await _ in beginnings { break }
        }
        options.stages = []
        try await Rig.run(options) { rig in
            let runs = try await rig.database.unfinishedRuns(since: Timestamp(milliseconds: 0))
            #expect(runs.map(\.runID) == ["r"])
        }
    }
}
