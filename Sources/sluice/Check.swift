import ArgumentParser
import JSON
import Settings
import SluiceServer

struct Check: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json, sarif
    }

    static let configuration = CommandConfiguration(
        abstract: "Say everything that is wrong with a configuration.",
        discussion: "Exit code 0: it is good. 1: it has errors. 2: it cannot be read.")

    @OptionGroup var fileToRead: FileToRead

    @Option(help: "text: for people. json: for programs. sarif: for code hosts and editors.")
    var format = Format.text

    @Flag(help: "Warnings count as errors.")
    var strict = false

    func run() throws {
        let file = fileToRead.path
        let read = try Loading.reader(of: file, mayBePipe: true)
        let loaded: LoadedSettings
        do throws(UnreadableFile) {
            loaded = try read(nil)
        } catch {
            switch format {
            case .text: Output.error("sluice: \(error)")
            case .json: Output.line(FindingReport(error).json.encoded())
            case .sarif: Output.line(FindingReport(error).sarif(version: Version.current).encoded())
            }
            throw ExitCode(Exit.unreadable)
        }
        let report = FindingReport(loaded, isStrict: strict)
        switch format {
        case .text:
            Output.error(report.text, terminator: "")
            if report.hasErrors {
                Output.error("\(file): \(report.summary)")
            } else {
                let names = loaded.stages.map(\.entry.name)
                let warnings = report.findings.isEmpty ? "" : " (\(report.summary))"
                Output.line(
                    "\(file) is good\(warnings): \(names.isEmpty ? "no stages" : names.joined(separator: " -> "))")
            }
        case .json: Output.line(report.json.encoded())
        case .sarif: Output.line(report.sarif(version: Version.current).encoded())
        }
        if report.hasErrors { throw ExitCode(Exit.failure) }
    }
}
