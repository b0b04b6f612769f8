package import MiddlewareKit

/// The lines of the files that a configuration was read from, to show where a finding is. Secrets in them are masked.
package struct SourceLines: Sendable {
    private var files: [String: [[Unicode.Scalar]]] = [:]
    /// The names of options that hold secrets.
    var secretKeys = SecretKeys()

    package init() {}

    mutating func add(_ text: [UInt8], file: String) {
        var scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        var lines: [[Unicode.Scalar]] = [[]]
        for (index, scalar) in scalars.enumerated() {
            if SourceText.lineEnds.contains(scalar) {
                if scalar == "\n", index > 0, scalars[index - 1] == "\r" { continue }
                lines.append([])
            } else {
                lines[lines.count - 1].append(scalar)
            }
        }
        files[file] = lines
    }

    /// The lines of a file are not shown.
    mutating func hide(_ file: String) { files[file] = nil }

    /// Whether a line of a file looks like one of a configuration: like a key with a `:`, or like JSON.
    func lookLikeMapping(_ file: String) -> Bool {
        (files[file] ?? []).contains { line in
            let text = line.drop { $0 == " " || $0 == "-" || $0 == "\t" }
            let key = text.prefix { $0.properties.isAlphabetic || ["-", "_", "\"", "'"].contains($0) }
            let rest = text.dropFirst(key.count).drop { $0 == " " }
            return text.first == "{"
                || !key.isEmpty && rest.first == ":" && [nil, " "].contains(rest.dropFirst().first)
        }
    }

    /// Gives every file another name, as positions name it.
    mutating func renameFiles(_ name: (String) -> String) {
        files = Dictionary(files.map { (name($0.key), $0.value) }) { first, _ in first }
    }

    /// The line of a place, and a line with a caret below it; nil for a place that is in no file.
    ///
    /// - Parameter width: Longer lines are cut, around the place.
    package func excerpt(at position: SourcePosition, width: Int = 100) -> (line: String, caret: String)? {
        guard let lines = files[position.file], lines.indices.contains(position.line - 1) else { return nil }
        let mask = SecretMask(keys: secretKeys, lines: lines)
        var (line, column) = mask.line(position.line - 1, column: position.column - 1)
        guard column <= line.count else { return nil }
        if line.count > width {
            let start = min(max(0, column - width / 2), line.count - width)
            let end = start + width
            let isCut = (start > 0, end < line.count)
            line = (isCut.0 ? ["…"] : []) + line[start..<end] + (isCut.1 ? ["…"] : [])
            column += (isCut.0 ? 1 : 0) - start
        }
        let shown = line.map { $0 == "\t" || $0.value >= 32 && $0.value != 127 ? $0 : "\u{FFFD}" }
        let margin = shown[..<column].map { $0 == "\t" ? "\t" : " " }.joined()
        return (String(String.UnicodeScalarView(shown)), margin + "^")
    }
}
