import Foundation
import MiddlewareKit
import MiddlewareTesting
import Testing

@testable import Stages

/// No program outlives the server that started it.
@Suite(.timeLimit(.minutes(2))) struct RunningProgramsTests {
    /// Hears neither that it is to end nor that its input has ended, and has said so.
    private static let stubborn = """
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print('{"protocol":1,"handles":{}}', flush=True)
        while True: signal.pause()
        """

    private static func start(
        _ programs: RunningPrograms, grace: Duration, _ body: String = stubborn
    ) async -> Task<ProgramFailure, Never> {
        let (greetings, greeted) = AsyncStream.makeStream(of: Void.self)
        let run = Program.run(Program.options(body), grace: grace, programs: programs) { greeted.finish() }
        let life = Task { await run.run() }
        for await _ in greetings {}
        return life
    }

    @Test func allAreAskedToEndAndThenKilled() async {
        let programs = RunningPrograms(time: ManualTime())
        let lives = [
            await Self.start(programs, grace: .milliseconds(1)), await Self.start(programs, grace: .milliseconds(1)),
        ]
        await programs.end()
        for life in lives { #expect(await life.value.description == "the server ends") }
        #expect(
            await Program.run(Program.options(Self.stubborn), programs: programs).run().description == "the server ends"
        )
    }

    /// Whatever keeps it from ending in the time that it has.
    @Test func theEndIsNotWaitedForForEver() async {
        let time = ManualTime()
        let programs = RunningPrograms(time: time)
        let life = await Self.start(programs, grace: .seconds(1000))
        async let end: Void = programs.end()
        await time.waitForSleeper(of: .seconds(3))
        time.advance(by: .seconds(3))
        await end
        #expect(await life.value.description == "the server ends")
    }

    @Test func allAreKilledAtOnce() async {
        let programs = RunningPrograms(time: ManualTime())
        let life = await Self.start(programs, grace: .seconds(1000))
        await programs.kill()
        #expect(await life.value.description == "the program was ended by signal 9")
        #expect(programs.isClosed)
    }

    @Test func thereMayBeNone() async { await RunningPrograms(time: ManualTime()).end() }
}
