/// A type in a Swift file that says that it makes stages.
///
/// It is found by its text, not by a compiler: the build must know it before anything is compiled.
package struct PluginSource: Sendable, Hashable {
    /// The name of the type.
    package let name: String
    /// The line where its declaration begins.
    package let line: Int

    package init(name: String, line: Int) {
        self.name = name
        self.line = line
    }

    /// The plugins in a Swift file.
    package static func all(in source: String) -> [PluginSource] {
        let code = withoutComments(source)
        let declaration = /\b(?:struct|enum|class|actor)\s+([A-Za-z_][A-Za-z0-9_]*)\s*:\s*([^{]*)\{/
        return code.matches(of: declaration).compactMap { match in
            guard match.2.contains(/\bMiddlewarePlugin\b/) else { return nil }
            let line = code[..<match.range.lowerBound].count { $0 == "\n" } + 1
            return PluginSource(name: String(match.1), line: line)
        }
    }

    /// The words that `static let kind = "…"` gives in a Swift file.
    package static func kinds(in source: String) -> [String] {
        withoutComments(source).matches(of: /\bstatic\s+let\s+kind\s*(?::\s*String\s*)?=\s*"([^"\\\n]*)"/).map {
            String($0.1)
        }
    }

    /// Comments give way to as many line ends, so that lines keep their numbers.
    private static func withoutComments(_ source: String) -> String {
        source.replacing(/\/\/[^\n]*/, with: "").replacing(/\/\*(?:.|\n)*?\*\//) { match in
            String(repeating: "\n", count: match.output.count { $0 == "\n" })
        }
    }
}
