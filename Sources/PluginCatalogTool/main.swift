// Writes the Swift file that lists the plugins of the `Plugins` folder.
//
// Usage: PluginCatalogTool OUTPUT SOURCE...
import Foundation

let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else {
    FileHandle.standardError.write(Data("usage: PluginCatalogTool OUTPUT SOURCE...\n".utf8))
    exit(2)
}

/// The names of the types in a Swift file that say that they are plugins.
func pluginNames(in source: String) -> [String] {
    let code = source.replacing(/\/\/[^\n]*/, with: "").replacing(/\/\*(?:.|\n)*?\*\//, with: "")
    let declaration = /\b(?:struct|enum|class|actor)\s+([A-Za-z_][A-Za-z0-9_]*)\s*:\s*([^{]*)\{/
    return code.matches(of: declaration).compactMap { match in
        match.2.contains(/\bMiddlewarePlugin\b/) ? String(match.1) : nil
    }
}

let names = try arguments.dropFirst().flatMap { path in
    try pluginNames(in: String(contentsOf: URL(filePath: path), encoding: .utf8))
}
let list = names.sorted().map { "        \($0).self,\n" }.joined()
let text = """
    // Made by PluginCatalogTool from the files of this folder. Do not edit.
    package import MiddlewareKit

    /// The plugins that were found in the `Plugins` folder when Sluice was built.
    package enum CompiledInPlugins {
        package static let all: [any MiddlewarePlugin.Type] = [
    \(list)    ]
    }

    """
try text.write(to: URL(filePath: output), atomically: true, encoding: .utf8)
