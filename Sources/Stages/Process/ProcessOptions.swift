import Foundation
package import MiddlewareKit

/// The `with` block of `process`.
package struct ProcessOptions: OptionGroup {
    package var command: [String] = []
    package var settings: [String: String] = [:]
    package var environment: [String: Secret] = [:]
    package var answerTimeout = Duration.seconds(5)
    package var startTimeout = Duration.seconds(10)
    package var maxWaiting = 1000
    package var maxMemory: ByteSize?

    package init() {}

    package static let options: [Option<Self>] = [
        Option(
            "command", \.command, help: "The program and its arguments; no shell reads them.",
            example: "[python3, stages/shout.py]", isRequired: true,
            check: commandProblem),
        Option("settings", \.settings, help: "Options of the program's own, handed to it when it starts."),
        Option(
            "environment", \.environment,
            help: "Environment variables for the program. Of Sluice's own it gets PATH, HOME and LANG only.",
            check: environmentProblem),
        Option(
            "answer-timeout", \.answerTimeout,
            help: """
                How long an answer may take, the wait behind other messages included, and how long a program that has ended \
                may take to be ready again. One that answers nothing for so long counts as hung, and is started again.
                """,
            range: .milliseconds(10) ... .seconds(600)),
        Option(
            "start-timeout", \.startTimeout, help: "How long the program may take to say hello.",
            range: .milliseconds(100) ... .seconds(60)),
        Option(
            "max-waiting", \.maxWaiting, help: "How many messages may wait for answers; more of them fail.",
            range: 1...100_000),
        Option("max-memory", \.maxMemory, help: "How much address space the program may have; no limit when left out."),
    ]

    private static let commandProblem: @Sendable ([String]) -> String? = { command in
        guard command.first?.isEmpty == false else { return "must name a program" }
        return command.contains { $0.contains("\0") } ? "must not hold a NUL character" : nil
    }

    /// What the system would take for something else.
    private static let environmentProblem: @Sendable ([String: Secret]) -> String? = { variables in
        if let name = variables.keys.sorted().first(where: { $0.isEmpty || $0.contains("=") || $0.contains("\0") }) {
            return "must not have the name \(name.debugDescription): a variable's name is not empty, and holds no `=`"
        }
        return variables.values.contains { $0.revealed.contains("\0") } ? "must not hold a NUL character" : nil
    }
}

/// Makes process stages.
package enum ProcessPlugin: MiddlewarePlugin {
    package static let kind = "process"
    package static let summary = "A stage in any language: a program that gets messages as JSON lines."
    /// It bounds itself.
    package static let defaultTimeout: Duration? = nil

    package static func advise(_ options: ProcessOptions, at place: ChainPlace) -> [OptionProblem] {
        if let problem = ProgramFile.problem(with: options) {
            return [OptionProblem(key: "command", message: problem.words, hint: problem.hint)]
        }
        return missingScript(options.command)
    }

    /// An interpreter would only say so when it is started.
    private static func missingScript(_ command: [String]) -> [OptionProblem] {
        let script = command.indices.dropFirst().first { index in
            [".py", ".js", ".mjs", ".ts", ".rb", ".pl", ".sh"].contains { command[index].hasSuffix($0) }
        }
        // What stands behind the `-c` of a shell is text of a program.
        let isText = { (option: String) in option.hasPrefix("-") && !option.hasPrefix("--") && option.hasSuffix("c") }
        guard let script, !command[..<script].contains(where: isText),
            !FileManager.default.fileExists(atPath: command[script])
        else { return [] }
        return [
            OptionProblem(
                key: "command[\(script + 1)]", message: "there is no such file",
                hint: "a path begins in the folder in which the server is started")
        ]
    }

    /// The program, and the files among its arguments: what an interpreter is to run.
    package static func files(_ options: ProcessOptions) -> [String] {
        guard let program = options.command.first else { return [] }
        let arguments = options.command.dropFirst().filter { argument in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) && !isFolder.boolValue
        }
        return [ProgramFile.path(of: program, options) ?? program] + arguments
    }

    package static func provision(_ options: ProcessOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        let programs = context[RunningProgramsKey.self] ?? RunningPrograms(time: context.time)
        let host = ProgramHost(
            options: options, stage: context.stageName, programs: programs, time: context.time, logger: context.logger)
        let hello = try await host.start()
        do {
            return CallOutStage(outside: host, handles: try hello.paths())
        } catch {
            await host.stop()
            throw error
        }
    }
}
