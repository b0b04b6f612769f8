import Foundation
import PackagePlugin

/// Lists the plugins of the `Plugins` folder at every build, so that a new folder there is all that a new stage needs.
@main struct PluginCatalog: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let sources = target.sourceModule?.sourceFiles(withSuffix: "swift").map(\.url) else { return [] }
        let output = context.pluginWorkDirectoryURL.appending(path: "CompiledInPlugins.swift")
        return [
            .buildCommand(
                displayName: "Listing the plugins of \(target.name)",
                executable: try context.tool(named: "PluginCatalogTool").url,
                arguments: [output.path] + sources.map { $0.path },
                inputFiles: sources,
                outputFiles: [output])
        ]
    }
}
