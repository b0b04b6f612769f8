import Files
import Foundation
import MiddlewareKit

/// Reads `plugins` of the configuration: finds the libraries, and takes their stages into the catalog.
struct LibrarySection {
    private let files: ConfigFiles
    private let libraries: any StageLibraries
    private(set) var catalog: StageCatalog
    /// What was loaded from where.
    private(set) var fingerprints: [(path: String, fingerprint: String)] = []
    private(set) var findings = Findings()
    private var seen: [String: SourcePosition] = [:]

    init(files: ConfigFiles, libraries: any StageLibraries, catalog: StageCatalog) {
        self.files = files
        self.libraries = libraries
        self.catalog = catalog
    }

    mutating func read(_ entries: [Located<String>]) {
        for entry in entries {
            let target = path(entry.value, besides: entry.position.file)
            // No finding may repeat what came from the environment.
            let shown = entry.isFromEnvironment ? "what is named at \(entry.position)" : target
            do throws(UnreadableFile) {
                guard let names = try files.names(inFolder: target, withSuffixes: Self.suffixes) else {
                    load(target, shown, entry)
                    continue
                }
                if names.isEmpty {
                    findings.warning(
                        at: entry.position, "there is no library in \(shown)",
                        hint: "`sluice plugin build` makes one from a folder of Swift files")
                }
                for name in names { load("\(target)/\(name)", "\(shown)/\(name)", entry) }
            } catch {
                report(error, shown, entry)
            }
        }
    }

    private static let suffixes = [".so", ".dylib"]

    private mutating func load(_ path: String, _ shown: String, _ entry: Located<String>) {
        let place = entry.position
        let file = URL(filePath: path).resolvingSymlinksInPath().path
        if let first = seen.updateValue(place, forKey: file) {
            findings.error(
                at: place, "\(shown) is named twice; the first one is \(first.words(from: place))",
                hint: "keep one of them")
            return
        }
        do throws(UnreadableFile) {
            let bytes = try files.library(at: path)
            if files.isWritableByEverybody(file) {
                findings.warning(
                    at: place, "every user of this machine may change \(shown), whose code the server runs",
                    hint: "take the right to write away with `chmod o-w`")
            }
            do throws(UnusableLibrary) {
                take(try libraries.library(bytes, named: URL(filePath: path).lastPathComponent), shown, place)
            } catch {
                findings.error(at: place, "\(shown) \(error.problem)", hint: error.hint)
            }
        } catch {
            report(error, shown, entry)
        }
    }

    private mutating func take(_ library: StageLibrary, _ shown: String, _ place: SourcePosition) {
        fingerprints.append((shown, library.fingerprint))
        for plugin in library.plugins {
            guard let conflict = catalog.add(.init(plugin: plugin, origin: .library(path: shown))) else { continue }
            findings.error(at: place, conflict, hint: "rename or remove one of them")
        }
    }

    private mutating func report(_ error: UnreadableFile, _ shown: String, _ entry: Located<String>) {
        findings.error(
            at: entry.position, "cannot read \(shown): \(error.reason)",
            hint: "paths are seen from the folder of this file")
    }
}
