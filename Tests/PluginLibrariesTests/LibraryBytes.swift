import Foundation

@testable import PluginLibraries

/// What a library of this machine begins with, and a record behind it. There is no code in it.
enum LibraryBytes {
    static let own = ServerBuild(version: "1.2.3", kit: "release_0123456789abcdef", compiler: "Swift version 6.2 (x)")

    static func library(_ record: String, machine: String = LibraryHeader.ownMachine) -> Data {
        header(machine: machine) + Data("some code".utf8) + Data(record.utf8) + Data("more code".utf8)
    }

    static func library(kinds: [String] = ["my-rules"], build: ServerBuild = own) -> Data {
        library(PluginRecord(build: build, kinds: kinds).text)
    }

    /// The header of a shared library of this system.
    static func header(machine: String = LibraryHeader.ownMachine) -> Data {
        LibraryHeader.ownSystem == .linux ? elf(machine: machine) : machO(machine: machine)
    }

    /// - Parameter segments: Offset and length of what is to be in memory.
    static func elf(machine: String, type: UInt8 = 3, segments: [(UInt64, UInt64)] = []) -> Data {
        var bytes = [UInt8](repeating: 0, count: 64)
        bytes.replaceSubrange(0..<6, with: [0x7F, 0x45, 0x4C, 0x46, 2, 1])
        bytes[16] = type
        bytes[18] = ["x86_64": 62, "arm64": 183, "riscv64": 243, "s390": 22][machine] ?? 0
        bytes[32] = 64
        bytes[54] = 56
        bytes[56] = UInt8(segments.count)
        for (offset, length) in segments {
            bytes += [UInt8](repeating: 0, count: 8) + offset.bytes + [UInt8](repeating: 0, count: 16) + length.bytes
            bytes += [UInt8](repeating: 0, count: 16)
        }
        return Data(bytes)
    }

    static func machO(machine: String) -> Data {
        let number: [UInt8] = machine == "arm64" ? [0x0C, 0, 0, 1] : [0x07, 0, 0, 1]
        return Data([0xCF, 0xFA, 0xED, 0xFE] + number + [0, 0, 0, 0, 6, 0, 0, 0] + [UInt8](repeating: 0, count: 16))
    }
}

extension UInt64 {
    fileprivate var bytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (8 * UInt64($0))) } }
}
