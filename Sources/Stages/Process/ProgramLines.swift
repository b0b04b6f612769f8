import Foundation

/// Cuts what a program writes into lines. Each byte is looked at once, however long a line is and in however many pieces it comes.
struct ProgramLines {
    /// The longest line, in bytes.
    let limit: Int
    /// The beginning of a line whose end has not come.
    private var begun = Data()

    init(limit: Int) { self.limit = limit }

    /// - Returns: The lines that end in `bytes`, without their ends.
    /// - Throws: ``ProgramFailure`` when a line is too long.
    mutating func add(_ bytes: [UInt8]) throws -> [Data] {
        var lines: [Data] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            try extend(by: rest[..<end])
            lines.append(begun)
            begun = Data()
            rest = rest[(end + 1)...]
        }
        try extend(by: rest)
        return lines
    }

    /// Nothing follows.
    /// - Returns: What stands behind the last end of a line, if anything does.
    mutating func finish() -> Data? {
        defer { begun = Data() }
        return begun.isEmpty ? nil : begun
    }

    private mutating func extend(by bytes: ArraySlice<UInt8>) throws {
        guard begun.count + bytes.count <= limit else {
            throw ProgramFailure("the program wrote a line of more than \(limit >> 20) MiB")
        }
        begun.append(contentsOf: bytes)
    }
}
