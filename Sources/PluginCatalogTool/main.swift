// Writes the Swift file that lists the plugins of the `Plugins` folder.
//
// Usage: PluginCatalogTool OUTPUT SOURCE...
import Foundation
import PluginSources

let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else {
    FileHandle.standardError.write(Data("usage: PluginCatalogTool OUTPUT SOURCE...\n".utf8))
    exit(2)
}

/// `Plugins/HouseRules/HouseRules.swift`
func place(of path: String) -> String {
    let folders = path.split(separator: "/")
    let start = folders.lastIndex(of: "Plugins") ?? folders.startIndex
    return folders[start...].joined(separator: "/")
}

let found = try arguments.dropFirst().flatMap { path in
    let plugins = PluginSource.all(in: try String(contentsOf: URL(filePath: path), encoding: .utf8))
    return plugins.map { (name: $0.name, place: "\(place(of: path)):\($0.line)") }
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
