import Logging
import MiddlewareKit
import Synchronization

/// Keeps a program running, and puts questions to it. Safe to use from anywhere.
final class ProgramHost: CallOut {
    /// How long to wait before the program is started again: doubling, from the first to the last.
    static let backoff = (first: Duration.milliseconds(100), last: Duration.seconds(30))
    /// A program that ran so long is not in trouble: the wait begins anew.
    static let goodRun = Duration.seconds(60)

    private let options: ProcessOptions
    private let stage: String
    private let time: any TimeSource
    private let logger: Logger
    private let programs: RunningPrograms
    private let desk: ProgramDesk
    private let keeper = Mutex<Task<Void, Never>?>(nil)
    /// What the first program said.
    private let hello = Mutex<ProgramProtocol.Hello?>(nil)

    init(
        options: ProcessOptions, stage: String, programs: RunningPrograms, time: any TimeSource, logger: Logger
    ) {
        self.options = options
        self.stage = stage
        self.programs = programs
        self.time = time
        self.logger = logger
        desk = ProgramDesk(limit: options.maxWaiting, patience: options.answerTimeout, time: time)
    }

    /// Starts the program, and keeps it running until ``stop()``.
    /// - Throws: ``ProgramFailure`` when it cannot be started, or says no hello in time.
    func start() async throws -> ProgramProtocol.Hello {
        let (hellos, first) = AsyncThrowingStream.makeStream(of: ProgramProtocol.Hello.self)
        // It lives as long as the stage, whose life begins and ends with calls of its own.
        keeper.withLock { $0 = Task { await keepRunning(first) } }
        do {
            for try await hello in hellos { return hello }
            throw ProgramFailure("the program ended at once")
        } catch {
            await stop()
            throw error
        }
    }

    /// Ends the program, and everything that waits for it.
    func stop() async {
        desk.close()
        let task = keeper.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    /// - Throws: ``ProgramFailure``; `CancellationError` when the task was cancelled.
    func ask(_ question: CallOutQuestion) async throws -> CallOutAnswer {
        let id = desk.nextID()
        let line = try ProgramProtocol.line(ProgramProtocol.Question(id: id, content: question))
        return try await withThrowingTaskGroup(of: Void.self) { [desk, time, options] group in
            group.addTask {
                var left: Duration? = options.answerTimeout
                while let wait = left {
                    try await time.sleep(for: wait)
                    left = desk.timeLeft(for: id)
                }
            }
            defer { group.cancelAll() }
            return try await desk.ask(id, line).content.get()
        }
    }

    private func keepRunning(_ first: AsyncThrowingStream<ProgramProtocol.Hello, any Error>.Continuation) async {
        var wait = Self.backoff.first
        while !Task.isCancelled {
            let begun = time.uptime
            let run = ProgramRun(
                options: options, stage: stage, desk: desk, time: time, logger: logger, programs: programs
            ) { hello in
                self.greet(hello, first)
            }
            let failure = await run.run()
            guard hello.withLock({ $0 }) != nil else { return first.finish(throwing: failure) }
            desk.interrupt(because: failure)
            guard !Task.isCancelled, !programs.isClosed else { return }
            if time.uptime - begun >= Self.goodRun { wait = Self.backoff.first }
            logger.warning("\(failure); it is started again in \(wait.optionText)")
            try? await time.sleep(for: wait)
            wait = min(wait * 2, Self.backoff.last)
        }
    }

    /// The stage has the paths that the first program asked for.
    private func greet(
        _ new: ProgramProtocol.Hello, _ first: AsyncThrowingStream<ProgramProtocol.Hello, any Error>.Continuation
    ) {
        let old = hello.withLock { hello in
            defer { hello = hello ?? new }
            return hello
        }
        if old == nil { first.yield(new) }
        if let old, old != new {
            logger.warning(
                "the program says something else than before about what it handles; reload the configuration to apply it"
            )
        }
    }
}
