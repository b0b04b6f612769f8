import Foundation
import Logging
import MiddlewareKit
import Subprocess

/// One life of a program, from its start to its end.
struct ProgramRun: Sendable {
    let options: ProcessOptions
    let stage: String
    let desk: ProgramDesk
    let time: any TimeSource
    let logger: Logger
    /// Called once the program has said hello.
    let greet: @Sendable (ProgramProtocol.Hello) -> Void

    private typealias Program = Execution<CustomWriteInput, SequenceOutput, SequenceOutput>

    /// Runs the program to its end; a cancelled task ends it.
    /// - Returns: Why it ended.
    func run() async -> ProgramFailure {
        ignoreBrokenPipes()
        var platform = PlatformOptions()
        // What the program starts itself ends with it.
        platform.processGroupID = 0
        platform.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: .seconds(2))]
        do {
            let result = try await Subprocess.run(
                executable, arguments: arguments, environment: environment, platformOptions: platform,
                input: .inputWriter, output: .sequence, error: .sequence
            ) { program in
                await converse(with: program)
            }
            return result.closureResult ?? ProgramFailure(result.terminationStatus)
        } catch {
            return ProgramFailure("the program “\(options.command[0])” could not be run: \(error)")
        }
    }

    /// - Returns: What went wrong; nil: the program ended by itself.
    private func converse(with program: Program) async -> ProgramFailure? {
        // What waits here is bounded by the questions that wait at the desk.
        let (lines, feed) = AsyncStream.makeStream(of: String.self)
        let kill: @Sendable () -> Void = { try? program.send(signal: .kill, toProcessGroup: true) }
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await line in lines {
                    // One that reads no more has ended, or is about to.
                    guard (try? await program.standardInputWriter.write(line)) != nil else { break }
                }
            }
            group.addTask { await log(program.standardError) }
            let failure = await listen(to: program, feed, kill)
            kill()
            feed.finish()
            await group.waitForAll()
            return failure
        }
    }

    /// Reads what the program says until it ends, or says something that makes no sense.
    private func listen(
        to program: Program, _ feed: AsyncStream<String>.Continuation, _ kill: @escaping @Sendable () -> Void
    ) async -> ProgramFailure? {
        // Whether the time for the hello was over.
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { [time, options] in
                guard (try? await time.sleep(for: options.startTimeout)) != nil else { return false }
                kill()
                return true
            }
            defer { group.cancelAll() }
            do {
                feed.yield(
                    try ProgramProtocol.line(ProgramProtocol.Greeting(stage: stage, settings: options.settings)))
                var lines = program.standardOutput.strings(
                    separatedBy: .unicodeScalarSequence(["\n"]),
                    bufferingPolicy: .maxLineLength(ProgramProtocol.maxLine)
                ).makeAsyncIterator()
                if let line = try await lines.next() {
                    let hello = try ProgramProtocol.hello(line)
                    group.cancelAll()
                    greet(hello)
                    desk.open(send: { feed.yield($0) }, kill: kill)
                    while let line = try await lines.next() { desk.answer(try ProgramProtocol.answer(line)) }
                }
            } catch let failure as ProgramFailure {
                return failure
            } catch {
                return ProgramFailure("the program could not be read: \(error)")
            }
            group.cancelAll()
            guard await group.next() == true else { return nil }
            return ProgramFailure("the program said no hello within \(options.startTimeout.optionText)")
        }
    }

    /// What the program has to say to people.
    private func log(_ output: SubprocessOutputSequence) async {
        var lines = ProgramLog(secrets: options.environment.values.map(\.revealed), time: time, logger: logger)
        do {
            for try await buffer in output { buffer.withUnsafeBytes { lines.add($0) } }
        } catch {
            logger.debug("the program's standard error could not be read: \(error)")
        }
        lines.finish()
    }

    /// A limit of memory is set by the shell, which then becomes the program.
    private var executable: Executable { options.maxMemory == nil ? .name(options.command[0]) : .name("sh") }

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
