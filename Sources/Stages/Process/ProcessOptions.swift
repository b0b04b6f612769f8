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
            check: { $0.first.map { !$0.isEmpty } ?? false ? nil : "must name a program" }),
        Option("settings", \.settings, help: "Options of the program's own, handed to it when it starts."),
        Option(
            "environment", \.environment,
            help: "Environment variables for the program. Of Sluice's own it gets PATH, HOME and LANG only."),
        Option(
            "answer-timeout", \.answerTimeout,
            help: "How long an answer may take; then the program counts as hung and is started again.",
            range: .milliseconds(10) ... .seconds(600)),
        Option(
            "start-timeout", \.startTimeout, help: "How long the program may take to say hello.",
            range: .milliseconds(100) ... .seconds(600)),
        Option(
            "max-waiting", \.maxWaiting, help: "How many messages may wait for answers; more of them fail.",
            range: 1...100_000),
        Option("max-memory", \.maxMemory, help: "How much address space the program may have; no limit when left out."),
    ]
}

/// Makes process stages.
package enum ProcessPlugin: MiddlewarePlugin {
    package static let kind = "process"
    package static let summary = "A stage in any language: a program that gets messages as JSON lines."
    /// It bounds itself.
    package static let defaultTimeout: Duration? = nil

    package static func advise(_ options: ProcessOptions, at place: ChainPlace) -> [OptionProblem] {
        guard let program = options.command.first else { return [] }
        guard !isThere(program) else { return missingScript(options.command) }
        if options.command.count == 1, program.contains(" ") {
            return [
                OptionProblem(
                    key: "command", message: "there is no program of this name that can be run",
                    hint: "the program and its arguments are entries of their own, such as [python3, stage.py]")
            ]
        }
        let way =
            program.contains("/")
            ? "a path begins in the folder in which the server is started"
            : "it is looked for in the folders of PATH"
        return [OptionProblem(key: "command", message: "there is no program of this name that can be run", hint: way)]
    }

    /// An interpreter would only say so when it is started.
    private static func missingScript(_ command: [String]) -> [OptionProblem] {
        let script = command.indices.dropFirst().first { index in
            [".py", ".js", ".mjs", ".ts", ".rb", ".pl", ".sh"].contains { command[index].hasSuffix($0) }
        }
        guard let script, !FileManager.default.fileExists(atPath: command[script]) else { return [] }
        return [
            OptionProblem(
                key: "command[\(script + 1)]", message: "there is no such file",
                hint: "a path begins in the folder in which the server is started")
        ]
    }

    private static func isThere(_ program: String) -> Bool { path(of: program) != nil }

    private static func path(of program: String) -> String? {
        let folders =
            program.contains("/")
            ? [""]
            : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/" }
        return folders.map { $0 + program }.first(where: FileManager.default.isExecutableFile)
    }

    /// The program, and the files among its arguments: what an interpreter is to run.
    package static func files(_ options: ProcessOptions) -> [String] {
        guard let program = options.command.first else { return [] }
        let arguments = options.command.dropFirst().filter { argument in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) && !isFolder.boolValue
        }
        return [path(of: program) ?? program] + arguments
    }

    package static func provision(_ options: ProcessOptions, in context: ProvisionContext) async throws
        -> any Middleware
    {
        let host = ProgramHost(options: options, stage: context.stageName, time: context.time, logger: context.logger)
        let hello = try await host.start()
        do {
            return CallOutStage(outside: host, handles: try hello.paths())
        } catch {
            await host.stop()
            throw error
        }
    }
}
