import Foundation
import PackagePlugin

/// Notes at every build what MiddlewareKit was built from, so that libraries built against it can tell it from others.
@main struct KitBuild: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let targets = [target] + target.recursiveTargetDependencies
        let sources = targets.flatMap { $0.sourceModule?.sourceFiles(withSuffix: "swift").map(\.url) ?? [] }
        let compiler = try context.tool(named: "swiftc").url
        let output = context.pluginWorkDirectoryURL.appending(path: "KitBuild.swift")
        return [
            .buildCommand(
                displayName: "Noting what \(target.name) is built from",
                executable: try context.tool(named: "KitBuildTool").url,
                arguments: [output.path, compiler.path] + sources.map { $0.path },
                inputFiles: sources + [compiler],
                outputFiles: [output])
        ]
    }
}
