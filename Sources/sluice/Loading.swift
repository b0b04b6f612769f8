import ArgumentParser
import Foundation
import Logging
import MiddlewareKit
import Settings
import SluiceServer
import Storage

/// What several commands do first.
enum Loading {
    /// Reads a configuration, prints every finding, and ends the command when it has errors.
    static func settings(_ file: String) throws -> (settings: Settings, loaded: LoadedSettings) {
        let loaded = try read(file)
        Output.error(FindingReport(loaded).text, terminator: "")
        guard let settings = loaded.settings else { throw ExitCode(Exit.failure) }
        return (settings, loaded)
    }

    /// Reads a configuration; ends the command when there is none.
    static func read(_ file: String) throws -> LoadedSettings {
        let conflicts = StageCatalog.conflicts(in: StageCatalog.entries)
        guard conflicts.isEmpty else {
            for conflict in conflicts { Output.error("sluice: \(conflict)") }
            throw ExitCode(Exit.failure)
        }
        do {
            return try SettingsLoader.load(
                path: file, environment: ProcessInfo.processInfo.environment, catalog: StageCatalog.all)
        } catch {
            Output.error("sluice: \(error)")
            throw ExitCode(Exit.unreadable)
        }
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
}
