import Foundation
import Logging
import MiddlewareKit
import Subprocess

#if canImport(System)
    import System
#else
    import SystemPackage
#endif

/// One life of a program, from its start to its end.
struct ProgramRun: Sendable {
    let options: ProcessOptions
    let stage: String
    let desk: ProgramDesk
    let time: any TimeSource
    let logger: Logger
    let programs: RunningPrograms
    /// How long a program has that is asked to end.
    static let grace = Duration.seconds(2)
    var grace = Self.grace
    /// Called once the program has said hello.
    let greet: @Sendable (ProgramProtocol.Hello) -> Void

    private typealias Program = Execution<CustomWriteInput, SequenceOutput, SequenceOutput>

    /// Runs the program to its end; a cancelled task asks it to end.
    /// - Returns: Why it ended.
    func run() async -> ProgramFailure {
        ignoreBrokenPipes()
        let ending = ProgramEnding()
        // No child: a cancelled task could not wait for the program to end in its own way.
        let life = Task { await live(until: ending) }
        return await withTaskCancellationHandler {
            await life.value
        } onCancel: {
            ending.ask(because: ProgramFailure("the stage is being taken down"))
        }
    }

    private func live(until ending: ProgramEnding) async -> ProgramFailure {
        guard let entry = programs.add(ending) else { return ProgramFailure("the server ends") }
        defer { programs.remove(entry) }
        var platform = PlatformOptions()
        // What the program starts itself ends with it.
        platform.processGroupID = 0
        do {
            let result = try await Subprocess.run(
                executable, arguments: arguments, environment: environment, platformOptions: platform,
                input: .inputWriter, output: .sequence, error: .sequence
            ) { program in
                programs.note(entry, group: program.processIdentifier.value)
                return await converse(with: program, until: ending)
            }
            let status = result.terminationStatus
            let failure = ending.reason ?? shellFailure(status) ?? ProgramFailure(status)
            return result.closureResult.map { ProgramFailure("\(failure), in the middle of a line: \($0)") } ?? failure
        } catch {
            return fileFailure ?? ProgramFailure("the program “\(options.command[0])” could not be started: \(error)")
        }
    }

    /// Speaks with the program until it has ended.
    /// - Returns: The line that it did not end, if there is one, for the log.
    private func converse(with program: Program, until ending: ProgramEnding) async -> String? {
        // What waits here is bounded by the questions that wait at the desk.
        let (lines, feed) = AsyncStream.makeStream(of: String.self)
        return await withTaskGroup(of: Void.self) { group in
            // The first of three that end with the program: a program that does not read must not hold up what it says.
            group.addTask {
                for await line in lines {
                    // One that reads no more has ended, or is about to.
                    guard (try? await program.standardInputWriter.write(line)) != nil else { break }
                }
                try? await program.standardInputWriter.finish()
            }
            // The second: what it says to people comes when it likes.
            group.addTask { await log(program.standardError) }
            // The third: it is asked to end from outside, or below, whatever the others wait for.
            group.addTask {
                await ending.wait()
                feed.finish()
                await program.teardown(
                    using: [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: grace)])
                // What it started may have stayed.
                try? program.send(signal: .kill, toProcessGroup: true)
            }
            var brokenLine: String?
            do throws(ProgramFailure) {
                brokenLine = try await listen(to: program, feed, ending)
                let hasEnded = await endsByItself(program)
                ending.ask(
                    because: hasEnded
                        ? nil : ProgramFailure("the program closed its standard output, and was ended"))
            } catch {
                ending.ask(because: error)
            }
            await group.waitForAll()
            return brokenLine
        }
    }

    /// Reads what the program says until it says no more.
    /// - Returns: The line that it did not end, if there is one, for the log.
    /// - Throws: What makes no sense of it.
    private func listen(
        to program: Program, _ feed: AsyncStream<String>.Continuation, _ ending: ProgramEnding
    ) async throws(ProgramFailure) -> String? {
        var output = ProgramOutput(program.standardOutput)
        do {
            feed.yield(try ProgramProtocol.line(ProgramProtocol.Greeting(stage: stage, settings: options.settings)))
            // Nobody else would notice that no hello comes.
            let first = try await watched { [time, options] in
                guard (try? await time.sleep(for: options.startTimeout)) != nil else { return }
                ending.ask(
                    because: ProgramFailure("the program said no hello within \(options.startTimeout.optionText)"))
            } while: {
                try await output.next()
            }
            guard let first else { return brokenLine(of: output) }
            greet(try ProgramProtocol.hello(first, hiding: secrets))
            desk.open(send: { feed.yield($0) }, end: { ending.ask(because: $0) })
            // Nor that it hangs, when no question comes any more.
            try await watched { [time, desk] in
                while let wait = desk.timeUntilHung(), (try? await time.sleep(for: wait)) != nil {}
            } while: {
                while let line = try await output.next() {
                    desk.answer(try ProgramProtocol.answer(line, hiding: secrets))
                }
            }
            return brokenLine(of: output)
        } catch let failure as ProgramFailure {
            throw failure
        } catch {
            throw ProgramFailure("the program could not be read: \(error)")
        }
    }

    private func brokenLine(of output: ProgramOutput) -> String? {
        output.brokenLine.map { ProgramProtocol.shown($0, hiding: secrets) }
    }

    /// Lets a watch run beside `body`, and ends it with that.
    private func watched<Result>(
        by watch: @escaping @Sendable () async -> Void, while body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            // The only one: the watch must see the time pass while `body` waits for the program.
            group.addTask { await watch() }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Whether a program that says no more has ended, or is about to.
    private func endsByItself(_ program: Program) async -> Bool {
        for _ in 1...50 {
            var info = siginfo_t()
            let id = id_t(program.processIdentifier.value)
            // It is left for Subprocess to collect.
            if waitid(P_PID, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo == SIGCHLD { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private var secrets: [String] { options.environment.values.map(\.revealed) }

    /// What the program has to say to people.
    private func log(_ output: SubprocessOutputSequence) async {
        var lines = ProgramLog(secrets: secrets, time: time, logger: logger)
        do {
            for try await buffer in output { buffer.withUnsafeBytes { lines.add($0) } }
        } catch {
            logger.debug("the program's standard error could not be read: \(error)")
        }
        lines.finish()
    }

    /// A limit of memory is set by the shell, which then becomes the program.
    private var executable: Executable {
        guard options.maxMemory == nil else { return .name("sh") }
        let program = options.command[0]
        return program.contains("/") ? .path(FilePath(program)) : .name(program)
    }

    /// Why the program cannot be started, as far as its file tells.
    private var fileFailure: ProgramFailure? {
        ProgramFile.problem(with: options).map {
            ProgramFailure("the program “\(options.command[0])” could not be started: \($0.words) (\($0.hint))")
        }
    }

    /// What a shell that could not become the program says with its code.
    private func shellFailure(_ status: TerminationStatus) -> ProgramFailure? {
        options.maxMemory != nil && [.exited(126), .exited(127)].contains(status) ? fileFailure : nil
    }

    private var arguments: Arguments {
        guard let limit = options.maxMemory else { return Arguments(Array(options.command.dropFirst())) }
        return Arguments(["-c", "ulimit -v \(max(1, limit.bytes / 1024)) && exec \"$@\"", "sh"] + options.command)
    }

    /// Secrets of Sluice's own environment are not the program's business.
    private var environment: Environment {
        var values: [Environment.Key: String] = [:]
        for (name, value) in ProcessInfo.processInfo.environment where ["PATH", "HOME", "LANG"].contains(name) {
            if let key = Environment.Key(rawValue: name) { values[key] = value }
        }
        for (name, value) in options.environment {
            if let key = Environment.Key(rawValue: name) { values[key] = value.revealed }
        }
        return .custom(values)
    }
}

/// Writing to a program that has ended is an error of the write, and must not end the server.
private func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }

extension ProgramFailure {
    fileprivate init(_ status: TerminationStatus) {
        switch status {
        case .exited(let code): self.init("the program ended with the code \(code)")
        case .signaled(let signal): self.init("the program was ended by signal \(signal)")
        }
    }
}
