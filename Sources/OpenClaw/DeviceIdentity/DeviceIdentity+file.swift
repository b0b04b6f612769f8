import Crypto
package import Files
import JSON

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension DeviceIdentity {
    /// Why the key file cannot be used.
    package enum FileError: Error, Equatable, CustomStringConvertible {
        case damaged(path: String)
        case readableByOthers(path: String)
        case unreadable(UnreadableFile)
        case system(operation: String, path: String, errno: Int32)

        package var description: String {
            switch self {
            case .damaged(let path):
                "\(path) is no valid device key. Restore it from a backup, or delete it: a new key is made then, and "
                    + "each gateway must approve it again"
            case .readableByOthers(let path):
                "\(path) can be read by other users. Run: chmod 600 \(path)"
            case .unreadable(let file): "\(file)"
            case .system(let operation, let path, let errno):
                "cannot \(operation) \(path): \(String(cString: strerror(errno)))"
            }
        }
    }

    /// Reads the key of this server, or makes one at first use.
    ///
    /// The file has mode 0600 and appears whole or not at all; of two processes that start at once, both end up with
    /// the same key. A file that is damaged or open to other users is refused: a new key would have to be approved.
    package static func loadOrCreate(path: String) throws(FileError) -> DeviceIdentity {
        if let known = try load(path: path) { return known }
        let temporary = "\(path).\(getpid()).tmp"
        try write(DeviceIdentity(), path: temporary)
        defer { unlink(temporary) }
        // Unlike a rename, a link does not overwrite the key of a process that was faster.
        if link(temporary, path) != 0, errno != EEXIST {
            throw .system(operation: "create", path: path, errno: errno)
        }
        guard let identity = try load(path: path) else { throw .damaged(path: path) }
        return identity
    }

    /// Nil when there is no such file.
    private static func load(path: String) throws(FileError) -> DeviceIdentity? {
        var facts = stat()
        guard stat(path, &facts) == 0 else {
            if errno == ENOENT { return nil }
            throw .unreadable(UnreadableFile(path: path, errno: errno))
        }
        guard facts.st_mode & 0o077 == 0 else { throw .readableByOthers(path: path) }
        let bytes: [UInt8]
        do throws(UnreadableFile) {
            bytes = try RegularFile.read(path, limit: 4096)
        } catch {
            throw .unreadable(error)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let document = try? JSONValue(parsing: text),
            let seed = document["privateKey"]?.string.flatMap(Hex.decode),
            let identity = try? DeviceIdentity(seed: seed),
            identity.deviceID == document["deviceId"]?.string
        else { throw .damaged(path: path) }
        return identity
    }

    private static func write(_ identity: DeviceIdentity, path: String) throws(FileError) {
        unlink(path)
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .system(operation: "create", path: path, errno: errno) }
        defer { close(file) }
        let document: JSONValue = [
            "version": 1,
            "deviceId": .string(identity.deviceID),
            "privateKey": .string(Hex.encode(identity.privateKey.rawRepresentation)),
        ]
        let bytes = Array((document.encoded() + "\n").utf8)
        guard writeBytes(bytes, to: file), fsync(file) == 0 else {
            throw .system(operation: "write", path: path, errno: errno)
        }
    }
}

/// Outside of the extension, where `write` means the function of the C library.
private func writeBytes(_ bytes: [UInt8], to file: Int32) -> Bool { write(file, bytes, bytes.count) == bytes.count }
