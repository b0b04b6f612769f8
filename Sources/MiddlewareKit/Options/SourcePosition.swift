/// A place in a file that a person wrote. Lines and columns count from 1, columns in Unicode scalars.
public struct SourcePosition: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `config.yaml:3:5`, as editors and terminals understand it.
    public var description: String { "\(file):\(line):\(column)" }

    /// The place for a sentence about another place: the file is only named when it is another one.
    package func words(from other: SourcePosition) -> String {
        "in \(file == other.file ? "" : "\(file), ")line \(line), column \(column)"
    }

    public static func < (a: SourcePosition, b: SourcePosition) -> Bool {
        (a.file, a.line, a.column) < (b.file, b.line, b.column)
    }
}
