import Foundation
import MiddlewareKit
import MiddlewareTesting

@testable import Stages

/// Programs in Python, next to the SDK of the examples.
enum Program {
    static let examples = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../docs/examples/process").standardized.path()

    /// Makes a stage of a program; `body` comes after `import sluice`.
    static func options(_ body: String) -> ProcessOptions {
        var options = ProcessOptions()
        options.command = [
            "python3", "-c", "import sys, os; sys.path.insert(0, '\(examples)'); import sluice\n" + body,
        ]
        return options
    }

    /// One life of a program, alone.
    static func run(
        _ options: ProcessOptions, grace: Duration = .seconds(2),
        programs: RunningPrograms = RunningPrograms(time: ManualTime()), greeted: @escaping @Sendable () -> Void = {}
    ) -> ProgramRun {
        let time = ManualTime()
        let desk = ProgramDesk(limit: 1, patience: .seconds(1), time: time)
        return ProgramRun(
            options: options, stage: "test", desk: desk, time: time, logger: Sample.logger, programs: programs,
            grace: grace,
            greet: { _ in greeted() })
    }

    static func stage(
        _ options: ProcessOptions, time: any TimeSource = ManualTime(), _ test: (StageHarness) async throws -> Void
    ) async throws {
        let harness = try await StageHarness(ProcessPlugin.self, options, in: Sample.provision(time: time))
        do {
            try await test(harness)
        } catch {
            await harness.middleware.cleanup()
            throw error
        }
        await harness.middleware.cleanup()
    }
}
