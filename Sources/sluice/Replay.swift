import ArgumentParser
import Files
import Foundation
import MiddlewareTesting
import SluiceServer

import struct MiddlewareKit.Timestamp

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a configuration would make of recorded messages.",
        discussion: """
            Runs a transcript through the chains of a configuration and prints what is different from the recording, or with
            --against from what another configuration makes of it. Nothing is connected to, sent or stored; stages that live by
            that (auth, persist, webhook, analytics, http, process) are left out.

            Get one:  sluice transcript agent:main:web > transcript.jsonl
            Exit code 0: nothing is different. 1: something is. 2: a file cannot be read.
            """)

    @Argument(
        help: "The transcript, see docs/replay.md; - for standard input.", completion: .file(extensions: ["jsonl"]))
    var transcript: String

    @OptionGroup var configurationOptions: ConfigurationOptions

    @Option(help: "The configuration to compare with.", completion: .file(extensions: ["yaml", "yml"]))
    var against: String?

    func run() async throws {
        let transcript = try read()
        let start = transcript.entries.first?.timestamp ?? .init(milliseconds: 0)
        let new = try await Self.replay(configurationOptions.config, start)
        let outcomes = await new.outcomes(of: transcript)
        var old = transcript.entries.map(ChainReplay.Outcome.init(recorded:))
        if let against { old = await (try await Self.replay(against, start)).outcomes(of: transcript) }
        let report = ReplayReport(transcript, old: old, new: outcomes)
        for line in report.differences { Output.line(line) }
        for line in new.shadows { Output.line(line) }
        if !new.leftOut.isEmpty { Output.line("Left out: \(new.leftOut.joined(separator: ", "))") }
        Output.line(report.summary)
        if !report.differences.isEmpty { throw ExitCode(Exit.failure) }
    }

    private static let sizeLimit = 256 << 20

    private func read() throws -> Transcript {
        do {
            let limit = Self.sizeLimit + 1
            let bytes =
                transcript == "-"
                ? Array(try FileHandle.standardInput.read(upToCount: limit) ?? Data())
                : try RegularFile.read(transcript, limit: limit, mayBePipe: true)
            guard bytes.count <= Self.sizeLimit else {
                throw UnreadableFile(path: transcript, reason: "it is larger than 256MiB")
            }
            return try Transcript(parsing: String(decoding: bytes, as: UTF8.self))
        } catch let problem as Transcript.Unreadable {
            Output.error("\(transcript):\(problem.line): error: \(problem)")
        } catch let problem as UnreadableFile {
            Output.error("sluice: \(problem)")
        } catch {
            Output.error("sluice: cannot read \(transcript)")
        }
        throw ExitCode(Exit.unreadable)
    }

    /// A configuration with errors cannot be replayed, which is no difference: exit code 2.
    private static func replay(_ file: String, _ start: Timestamp) async throws -> ChainReplay {
        do {
            return try await ChainReplay(try Loading.settings(file).loaded, start: start)
        } catch let failure as StartFailure {
            Output.error("sluice: \(failure)")
        } catch let exit as ExitCode where exit.rawValue != Exit.failure {
            throw exit
        } catch is ExitCode {
            // It was printed what is wrong with it.
        }
        throw ExitCode(Exit.unreadable)
    }
}
