package import MiddlewareKit
import Plugins
import Stages

/// All kinds of stage that config.yaml can name: the built-in ones, and those of the `Plugins` folder.
package enum StageCatalog {
    /// A plugin and where it comes from.
    package struct Entry: Sendable {
        package let plugin: any MiddlewarePlugin.Type
        /// For a person: a file with its line, or a library.
        package let place: String

        package init(plugin: any MiddlewarePlugin.Type, place: String) {
            self.plugin = plugin
            self.place = place
        }
    }

    package static let entries: [Entry] =
        BuiltInStages.all.map { Entry(plugin: $0, place: "Sluice itself") }
        + zip(CompiledInPlugins.all, CompiledInPlugins.places).map { Entry(plugin: $0, place: $1) }

    package static let all: [any MiddlewarePlugin.Type] = entries.map(\.plugin)

    /// What is said about plugins that cannot be told apart, for each kind that is there more than once.
    package static func conflicts(in entries: [Entry]) -> [String] {
        var first: [String: Entry] = [:]
        return entries.compactMap { entry in
            let kind = entry.plugin.kind
            guard let other = first[kind] else {
                first[kind] = entry
                return nil
            }
            return "two stages have the kind `\(kind)`: one in \(other.place), one in \(entry.place); "
                + "rename or remove one of them"
        }
    }
}
