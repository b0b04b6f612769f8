import ArgumentParser
import Files
import Foundation
import Logging
import MiddlewareKit
import PluginLibraries
import Settings
import SluiceServer
import Storage

/// What several commands do first.
enum Loading {
    /// Reads a configuration; when it has errors, prints every finding and ends the command. What is only likely not meant is
    /// for `check` and `serve` to tell.
    static func settings(_ file: String) throws -> (settings: Settings, loaded: LoadedSettings) {
        try settings(reader(of: file, mayBePipe: true), warns: false)
    }

    static func settings(_ reader: Reader, warns: Bool) throws -> (settings: Settings, loaded: LoadedSettings) {
        let loaded = try read(reader)
        // A machine that reads the log gets warnings there, see `logFindings`.
        let isForPeople = loaded.settings.map { warns && $0.log.format != .json } ?? true
        if isForPeople { Output.error(FindingReport(loaded).text, terminator: "") }
        guard let settings = loaded.settings else { throw ExitCode(Exit.failure) }
        return (settings, loaded)
    }

    /// Reads a configuration; ends the command when there is none.
    static func read(_ file: String) throws -> LoadedSettings { try read(reader(of: file, mayBePipe: true)) }

    private static func read(_ reader: Reader) throws -> LoadedSettings {
        do {
            return try reader(nil)
        } catch {
            Output.error("sluice: \(error)")
            throw ExitCode(Exit.unreadable)
        }
    }

    /// Reads a configuration as often as it is called; a library is loaded once for all the times.
    ///
    /// - Parameter running: What a running server goes on with until it is restarted; nil: it is only to be started.
    typealias Reader = @Sendable (_ running: ServerSettings?) throws(UnreadableFile) -> LoadedSettings

    /// - Parameter mayBePipe: It will be called once only, so that the file may be `<(command)`.
    static func reader(of file: String, mayBePipe: Bool = false) throws -> Reader {
        let catalog = try catalogOfProgram()
        let libraries = LoadedLibraries(build: .own(version: Version.current))
        return { (running) throws(UnreadableFile) in
            try SettingsLoader.load(
                path: file, environment: ProcessInfo.processInfo.environment, catalog: catalog, libraries: libraries,
                mayBePipe: mayBePipe, running: running
            ) { settings, chains, findings in
                TLSFiles.check(settings, findings: &findings)
                StorageFile.check(settings, findings: &findings)
                WebhookNames.check(chains, findings: &findings)
            }
        }
    }

    /// The stages that are part of this program; ends the command when two have one kind.
    static func catalogOfProgram() throws -> StageCatalog {
        let (catalog, conflicts) = StageCatalog.ofProgram()
        guard conflicts.isEmpty else {
            for conflict in conflicts { Output.error("sluice: \(conflict); rename or remove one of them") }
            throw ExitCode(Exit.failure)
        }
        return catalog
    }

    /// Tells a machine that reads the log what is likely not meant in a configuration.
    static func logFindings(of loaded: LoadedSettings, _ settings: Settings, to logger: Logger) {
        guard settings.log.format == .json else { return }
        for finding in FindingReport(loaded).findings { logger.warning("\(finding)") }
    }

    static func bootstrapLogging(_ settings: Settings) -> Logger {
        let (format, level) = (settings.log.format, settings.log.level)
        LoggingSystem.bootstrap { label in
            StderrLogHandler(
                label: label, format: format == .json ? .json : .text,
                level: Logger.Level(rawValue: level.rawValue) ?? .info)
        }
        return Logger(label: "sluice")
    }

    /// Opens the database that the configuration names, for a command that is not the server.
    static func database(_ settings: Settings) throws -> Database {
        do {
            return try Database.open(settings.storage)
        } catch {
            Output.error("sluice: \(error)")
            throw ExitCode(Exit.failure)
        }
    }

    /// Opens the database for a command that has nothing to do without one, and must not make one in the wrong folder.
    static func existingDatabase(_ settings: Settings, of options: ConfigurationOptions) throws -> Database {
        guard let database = try databaseIfThere(settings) else {
            let path = URL(filePath: settings.storage.path).standardizedFileURL.path
            Output.error(
                "sluice: there is no database at \(path), where \(options.config) has it (`storage.path`); the server makes it when "
                    + "it starts. Was another configuration meant? Name it with --config FILE.")
            throw ExitCode(Exit.failure)
        }
        return database
    }

    /// Nil: there is none yet.
    static func databaseIfThere(_ settings: Settings) throws -> Database? {
        FileManager.default.fileExists(atPath: settings.storage.path) ? try database(settings) : nil
    }
}
