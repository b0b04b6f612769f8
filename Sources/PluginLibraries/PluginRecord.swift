package import Foundation
import JSON
package import Settings

/// What a library says about itself. It stands in the file as text, so that it is read before any code of the library runs.
package struct PluginRecord: Sendable, Hashable {
    /// The format that this program writes and reads.
    static let format = 1

    /// What the library was built for.
    package var build: ServerBuild
    /// The kinds of its stages.
    package var kinds: [String]

    package init(build: ServerBuild, kinds: [String]) {
        self.build = build
        self.kinds = kinds
    }

    private static let mark = "SLUICE PLUGIN RECORD "
    private static let longest = 64 << 10

    /// The text in the file: a mark, JSON, and a line end.
    var text: String {
        let json: JSONValue = [
            "format": .integer(Int64(Self.format)), "sluice": .string(build.version), "kit": .string(build.kit),
            "compiler": .string(build.compiler), "kinds": .array(kinds.map { .string($0) }),
        ]
        return "\(Self.mark)\(json.encoded())\n"
    }

    /// Reads the record of a library.
    /// - Throws: When the bytes are no library for this machine, or hold no record that can be read.
    package init(in bytes: Data) throws(UnusableLibrary) {
        guard let header = LibraryHeader(bytes) else {
            throw UnusableLibrary("is no library", hint: "name a file that `sluice plugin build` made")
        }
        guard header.system == LibraryHeader.ownSystem, header.machine == LibraryHeader.ownMachine else {
            let own = "\(LibraryHeader.ownSystem.rawValue) on \(LibraryHeader.ownMachine)"
            throw UnusableLibrary(
                "is for \(header.system.rawValue) on \(header.machine), and this is \(own)",
                hint: "build it on this machine with `sluice plugin build`")
        }
        guard bytes.count >= header.length else {
            throw UnusableLibrary("is cut short", hint: "copy it again, or build it again with `sluice plugin build`")
        }
        guard let json = Self.json(in: bytes) else {
            throw UnusableLibrary(
                "is a library, but not one of stages: it holds no record",
                hint: "build it with `sluice plugin build`")
        }
        guard json["format"]?.int == Self.format, let version = json["sluice"]?.string, let kit = json["kit"]?.string,
            let compiler = json["compiler"]?.string, let kinds = json["kinds"]?.array
        else {
            throw UnusableLibrary(
                "has a record of another format than this Sluice knows", hint: Self.rebuild)
        }
        build = ServerBuild(version: version, kit: kit, compiler: compiler)
        self.kinds = kinds.compactMap(\.string)
    }

    /// Compares what the library was built for with the program that is to load it.
    package func requireFit(with own: ServerBuild) throws(UnusableLibrary) {
        guard build.compiler == own.compiler else {
            throw UnusableLibrary(
                "was compiled by \(build.compiler), and this Sluice by \(own.compiler)", hint: Self.rebuild)
        }
        guard build.kit == own.kit else {
            throw UnusableLibrary(
                "was built for Sluice \(build.version) (kit \(build.kit)), and this is Sluice \(own.version) "
                    + "(kit \(own.kit))", hint: Self.rebuild)
        }
    }

    static let rebuild = "build it again with the `sluice plugin build` of this Sluice"

    /// The first record in the bytes. The mark alone, as in this program, is none.
    private static func json(in bytes: Data) -> JSONValue? {
        var rest = bytes.startIndex..<bytes.endIndex
        while let mark = bytes.range(of: Data(mark.utf8), in: rest) {
            let line = bytes[mark.upperBound...].prefix(longest).prefix { $0 != UInt8(ascii: "\n") }
            if let json = try? JSONValue(parsing: String(decoding: line, as: UTF8.self)), json.object != nil {
                return json
            }
            rest = mark.upperBound..<bytes.endIndex
        }
        return nil
    }
}
