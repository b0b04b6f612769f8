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
    /// How long a program has that is asked to end.
    var grace = Duration.seconds(2)
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
        var platform = PlatformOptions()
        // What the program starts itself ends with it.
        platform.processGroupID = 0
        do {
            let result = try await Subprocess.run(
                executable, arguments: arguments, environment: environment, platformOptions: platform,
                input: .inputWriter, output: .sequence, error: .sequence
            ) { program in
                await converse(with: program, until: ending)
            }
            return ending.reason ?? shellFailure(result.terminationStatus) ?? ProgramFailure(result.terminationStatus)
        } catch {
            return fileFailure ?? ProgramFailure("the program “\(options.command[0])” could not be started: \(error)")
        }
    }

    /// Speaks with the program until it has ended.
    private func converse(with program: Program, until ending: ProgramEnding) async {
        // What waits here is bounded by the questions that wait at the desk.
        let (lines, feed) = AsyncStream.makeStream(of: String.self)
        await withTaskGroup(of: Void.self) { group in
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
            if let failure = await listen(to: program, feed, ending) {
                ending.ask(because: failure)
            } else {
                let hasEnded = await endsByItself(program)
                ending.ask(
                    because: hasEnded
                        ? nil : ProgramFailure("the program closed its standard output, and was ended"))
            }
            await group.waitForAll()
        }
    }

    /// Reads what the program says until it says no more.
    /// - Returns: What makes no sense of it; nil: its output has ended.
    private func listen(
        to program: Program, _ feed: AsyncStream<String>.Continuation, _ ending: ProgramEnding
    ) async -> ProgramFailure? {
        await withTaskGroup(of: Void.self) { group in
            // The only one, until the hello is there: nobody else would notice that none comes.
            group.addTask { [time, options] in
                guard (try? await time.sleep(for: options.startTimeout)) != nil else { return }
                ending.ask(
                    because: ProgramFailure("the program said no hello within \(options.startTimeout.optionText)"))
            }
            defer { group.cancelAll() }
            do {
                feed.yield(
                    try ProgramProtocol.line(ProgramProtocol.Greeting(stage: stage, settings: options.settings)))
                var (lines, hasGreeted) = (ProgramLines(limit: ProgramProtocol.maxLine), false)
                func take(_ line: Data) throws {
                    guard hasGreeted else {
                        let hello = try ProgramProtocol.hello(line, hiding: secrets)
                        hasGreeted = true
                        group.cancelAll()
                        greet(hello)
                        return desk.open(send: { feed.yield($0) }, end: { ending.ask(because: $0) })
                    }
                    desk.answer(try ProgramProtocol.answer(line, hiding: secrets))
                }
                for try await buffer in program.standardOutput {
                    // A copy, so that no pointer goes any further.
                    for line in try lines.add(buffer.withUnsafeBytes { Array($0) }) { try take(line) }
                }
                if let line = lines.finish() { try take(line) }
                return nil
            } catch let failure as ProgramFailure {
                return failure
            } catch {
                return ProgramFailure("the program could not be read: \(error)")
            }
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
        ProgramFile.problem(with: options.command).map {
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
