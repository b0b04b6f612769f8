import Files
import Foundation
import MiddlewareKit

/// Reads what a configuration is made of from disk, and remembers what it looked at.
final class ConfigFiles {
    /// Every file and folder that was looked at, found or not, in the order of the first look, as it was just before that.
    private(set) var stamps: [FileStamp] = []
    /// The files that say nothing, in the order in which they were read.
    private(set) var empty: [String] = []
    /// The folders in which nothing to read stands, likewise.
    private(set) var emptyFolders: [String] = []
    /// The files of `${file:PATH}` that hold nothing, likewise.
    private(set) var emptySecrets: [String] = []

    /// The bytes of a YAML file; one more than allowed of a file that is too large.
    func bytes(of path: String, mayBePipe: Bool = false) throws(UnreadableFile) -> [UInt8] {
        try read(path, limit: ConfigFile.sizeLimit + 1, mayBePipe: mayBePipe)
    }

    /// What a file of `${file:PATH}` holds, without the line end behind it.
    func secret(at path: String) throws(UnreadableFile) -> String {
        let limit = 64 << 10
        let bytes = try read(path, limit: limit + 1)
        guard bytes.count <= limit else { throw UnreadableFile(path: path, reason: "it is larger than 64KiB") }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            throw UnreadableFile(path: path, reason: "it is not UTF-8 text")
        }
        if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
        if text.isEmpty, !emptySecrets.contains(path) { emptySecrets.append(path) }
        return text
    }

    /// Remembers that nothing but white space and comments stands in a file.
    func noteEmpty(_ path: String) {
        if !empty.contains(path) { empty.append(path) }
    }

    /// The bytes of a library that `plugins` names.
    func library(at path: String) throws(UnreadableFile) -> Data {
        let limit = 256 << 20
        let bytes = try read(path, limit: limit + 1)
        guard bytes.count <= limit else { throw UnreadableFile(path: path, reason: "it is larger than 256MiB") }
        return Data(bytes)
    }

    /// The files of a folder that end in one of the suffixes, by name; nil when the path is no folder.
    func names(inFolder path: String, withSuffixes suffixes: [String]) throws(UnreadableFile) -> [String]? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return nil
        }
        note(path)
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
                .filter { name in !name.hasPrefix(".") && suffixes.contains(where: name.hasSuffix) }.sorted()
            if names.isEmpty, !emptyFolders.contains(path) { emptyFolders.append(path) }
            return names
        } catch {
            throw UnreadableFile(path: path, reason: "the folder cannot be listed")
        }
    }

    /// Whether every user of this machine may read the file.
    func isReadableByEverybody(_ path: String) -> Bool { allowsEverybody(0o004, path) }

    /// Whether every user of this machine may change the file.
    func isWritableByEverybody(_ path: String) -> Bool { allowsEverybody(0o002, path) }

    private func allowsEverybody(_ permission: UInt32, _ path: String) -> Bool {
        FileFacts(of: path).map { $0.permissions & permission != 0 } ?? false
    }

    private func read(_ path: String, limit: Int, mayBePipe: Bool = false) throws(UnreadableFile) -> [UInt8] {
        note(path)
        return try RegularFile.read(path, limit: limit, mayBePipe: mayBePipe)
    }

    private func note(_ path: String) {
        if !stamps.contains(where: { $0.path == path }) { stamps.append(FileStamp(of: path)) }
    }
}

/// A path as no other path is for the same file: absolute, without `.` and `..`, and without symbolic links.
func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
}

/// `path` as seen from the folder of `file`.
func path(_ path: String, besides file: String) -> String {
    guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
    return file[...slash] + path
}
