#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the system knows of a file without reading it. A symbolic link counts as what it leads to: that is what is read.
package struct FileFacts: Sendable, Hashable {
    /// What tells the file from all others that there are.
    package let number: UInt64
    package let size: Int
    /// False: a folder, a pipe, a device and the like.
    package let isFile: Bool
    /// Who may do what with it: the lowest nine bits of its mode.
    package let permissions: UInt32
    /// When it was written, since 1970.
    package let modified: Duration

    /// Nil when there is no such file, or it leads nowhere.
    package init?(of path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        number = UInt64(facts.st_ino)
        size = Int(facts.st_size)
        isFile = facts.st_mode & S_IFMT == S_IFREG
        permissions = UInt32(facts.st_mode) & 0o777
        #if canImport(Glibc)
            let time = facts.st_mtim
        #else
            let time = facts.st_mtimespec
        #endif
        modified = .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
