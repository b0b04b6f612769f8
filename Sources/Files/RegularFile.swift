#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Reads whole files, and nothing that merely looks like one: whoever reads a named pipe waits until somebody writes into it,
/// and a device may never end.
package enum RegularFile {
    /// The bytes of a file.
    ///
    /// - Parameters:
    ///   - limit: How many bytes are read at most; so ask for one more than may be there.
    ///   - mayBePipe: Also what a shell hands over as `<(command)` or `/dev/stdin`, which somebody is writing to already.
    package static func read(
        _ path: String, limit: Int, mayBePipe: Bool = false
    ) throws(UnreadableFile) -> [UInt8] {
        let takesPipe = mayBePipe && isHandedOver(path)
        var facts = stat()
        // Before it is opened, for that alone does something to some devices.
        guard stat(path, &facts) == 0 else { throw UnreadableFile(path: path, errno: errno) }
        try check(facts, path, takesPipe)
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (takesPipe ? 0 : O_NONBLOCK))
        guard file >= 0 else { throw UnreadableFile(path: path, errno: errno) }
        defer { close(file) }
        guard fstat(file, &facts) == 0 else { throw UnreadableFile(path: path, errno: errno) }
        try check(facts, path, takesPipe)
        return try bytes(of: file, path, limit, expected: Int(facts.st_size))
    }

    /// - Parameter expected: How many bytes there are, as far as is known.
    private static func bytes(
        of file: Int32, _ path: String, _ limit: Int, expected: Int
    ) throws(UnreadableFile) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(limit, expected))
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < limit {
            // Outside of an extension `read` is the function of the C library.
            let count = readPiece(file, &piece, min(piece.count, limit - bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw UnreadableFile(path: path, errno: errno) }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    private static func check(_ facts: stat, _ path: String, _ mayBePipe: Bool) throws(UnreadableFile) {
        let words: String
        switch facts.st_mode & S_IFMT {
        case S_IFREG: return
        case S_IFIFO where mayBePipe: return
        case S_IFIFO: words = "a named pipe"
        case S_IFDIR: words = "a folder"
        case S_IFSOCK: words = "a socket"
        default: words = "a device"
        }
        throw UnreadableFile(path: path, reason: "it is \(words), not a file")
    }

    private static func isHandedOver(_ path: String) -> Bool {
        path == "/dev/stdin" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
    }
}

private func readPiece(_ file: Int32, _ piece: inout [UInt8], _ count: Int) -> Int { read(file, &piece, count) }

/// A file that cannot be opened or read.
package struct UnreadableFile: Error, Sendable, Hashable, CustomStringConvertible {
    package let path: String
    /// In words that stand behind `cannot read PATH: `.
    package let reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package init(path: String, errno: Int32) {
        let reason =
            switch errno {
            case ENOENT: "there is no such file"
            case ENOTDIR: "there is no such file, for a part of its path is no folder"
            case EACCES, EPERM: "permission denied"
            case ELOOP: "its symbolic links lead in a circle"
            case ENAMETOOLONG: "its name is too long"
            default: String(cString: strerror(errno))
            }
        self.init(path: path, reason: reason)
    }

    package var description: String { "cannot read \(path): \(reason)" }
}
