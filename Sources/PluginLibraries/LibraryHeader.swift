import Foundation

/// What a file of machine code says at its beginning: for which system and machine it was made.
struct LibraryHeader: Sendable, Hashable {
    enum System: String { case linux = "Linux", macOS }

    let system: System
    let machine: String
    /// How many bytes the file must have at least. What is missing of a library ends the process that loads it.
    let length: Int

    /// Nil when the bytes are no shared library for a system that Sluice knows.
    init?(_ bytes: Data) {
        let reader = LittleEndian(bytes)
        if bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) {
            // ELF; little-endian; a shared object.
            guard reader[5, 1] == 1, reader[16, 2] == 3, let number = reader[18, 2] else { return nil }
            let is64Bit = reader[4, 1] == 2
            system = .linux
            machine = (is64Bit ? [62: "x86_64", 183: "arm64", 243: "riscv64"][number] : nil) ?? "machine \(number)"
            length = is64Bit ? Self.endOfSegments(reader) : 0
        } else if bytes.starts(with: [0xCF, 0xFA, 0xED, 0xFE]) {
            // Mach-O of 64 bits; a dynamic library or a bundle.
            guard let number = reader[4, 4], [6, 8].contains(reader[12, 4]) else { return nil }
            system = .macOS
            machine = [0x0100_0007: "x86_64", 0x0100_000C: "arm64"][number] ?? "machine \(number)"
            length = 0
        } else {
            return nil
        }
    }

    /// Where the last piece that is to be in memory ends, by the program headers of an ELF file.
    private static func endOfSegments(_ reader: LittleEndian) -> Int {
        guard let start = reader[32, 8], let size = reader[54, 2], let count = reader[56, 2] else { return .max }
        var end = 0
        for index in 0..<count {
            let (header, hasOverflow) = start.addingReportingOverflow(index * size)
            guard !hasOverflow, let offset = reader[header, 8, at: 8], let length = reader[header, 8, at: 32] else {
                return .max
            }
            let (last, isTooFar) = offset.addingReportingOverflow(length)
            end = max(end, isTooFar ? .max : last)
        }
        return end
    }

    #if os(Linux)
        static let ownSystem = System.linux
    #else
        static let ownSystem = System.macOS
    #endif

    #if arch(x86_64)
        static let ownMachine = "x86_64"
    #elseif arch(arm64)
        static let ownMachine = "arm64"
    #else
        static let ownMachine = "riscv64"
    #endif
}

/// Numbers in bytes; nil where the bytes end, or a number does not fit.
private struct LittleEndian {
    private let bytes: Data

    init(_ bytes: Data) { self.bytes = bytes }

    subscript(offset: Int, size: Int) -> Int? {
        guard offset >= 0, offset <= bytes.count - size else { return nil }
        let start = bytes.startIndex + offset
        let value = bytes[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return Int(exactly: value)
    }

    subscript(base: Int, size: Int, at offset: Int) -> Int? {
        let (place, hasOverflow) = base.addingReportingOverflow(offset)
        return hasOverflow ? nil : self[place, size]
    }
}
