// Writes the Swift file that lists the plugins of the `Plugins` folder.
//
// Usage: PluginCatalogTool OUTPUT SOURCE...
import Foundation

let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else {
    FileHandle.standardError.write(Data("usage: PluginCatalogTool OUTPUT SOURCE...\n".utf8))
    exit(2)
}

/// A type that says that it is a plugin, and where.
struct Plugin {
    let name: String
    /// `Plugins/HouseRules/HouseRules.swift:12`
    let place: String
}

/// The plugins in a Swift file.
func plugins(in source: String, path: String) -> [Plugin] {
    // Comments give way to as many line ends, so that lines keep their numbers.
    let code = source.replacing(/\/\/[^\n]*/, with: "").replacing(/\/\*(?:.|\n)*?\*\//) { match in
        String(repeating: "\n", count: match.output.count { $0 == "\n" })
    }
    let declaration = /\b(?:struct|enum|class|actor)\s+([A-Za-z_][A-Za-z0-9_]*)\s*:\s*([^{]*)\{/
    let folders = path.split(separator: "/")
    let start = folders.lastIndex(of: "Plugins") ?? folders.startIndex
    let file = folders[start...].joined(separator: "/")
    return code.matches(of: declaration).compactMap { match in
        guard match.2.contains(/\bMiddlewarePlugin\b/) else { return nil }
        let line = code[..<match.range.lowerBound].count { $0 == "\n" } + 1
        return Plugin(name: String(match.1), place: "\(file):\(line)")
    }
}

let found = try arguments.dropFirst().flatMap { path in
    try plugins(in: String(contentsOf: URL(filePath: path), encoding: .utf8), path: path)
}.sorted { $0.name < $1.name }
let types = found.map { "        \($0.name).self,\n" }.joined()
let places = found.map { "        \($0.place.debugDescription),\n" }.joined()
let text = """
    // Made by PluginCatalogTool from the files of this folder. Do not edit.
    package import MiddlewareKit

    /// The plugins that were found in the `Plugins` folder when Sluice was built.
    package enum CompiledInPlugins {
        package static let all: [any MiddlewarePlugin.Type] = [
    \(types)    ]

        /// Where they stand, in the same order.
        package static let places: [String] = [
    \(places)    ]
    }

    """
try text.write(to: URL(filePath: output), atomically: true, encoding: .utf8)
