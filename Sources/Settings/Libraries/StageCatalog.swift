package import MiddlewareKit

/// All kinds of stage that a configuration can name, each with where it comes from.
package struct StageCatalog: Sendable {
    package enum Origin: Sendable, Hashable {
        case builtIn
        /// A folder below `Plugins`; the place is a file with its line.
        case compiledIn(place: String)
        /// A library that the configuration names.
        case library(path: String)

        /// For a person.
        package var place: String {
            switch self {
            case .builtIn: "Sluice itself"
            case .compiledIn(let place): place
            case .library(let path): path
            }
        }
    }

    package struct Entry: Sendable {
        package let plugin: any MiddlewarePlugin.Type
        package let origin: Origin

        package init(plugin: any MiddlewarePlugin.Type, origin: Origin) {
            self.plugin = plugin
            self.origin = origin
        }
    }

    package private(set) var entries: [Entry] = []

    package var plugins: [any MiddlewarePlugin.Type] { entries.map(\.plugin) }

    package init() {}

    /// A catalog of built-in stages.
    package init(_ plugins: [any MiddlewarePlugin.Type]) {
        entries = plugins.map { Entry(plugin: $0, origin: .builtIn) }
    }

    /// Takes a plugin over, unless there is one of its kind.
    /// - Returns: What is wrong then, in words.
    package mutating func add(_ entry: Entry) -> String? {
        let kind = entry.plugin.kind
        if let other = self[kind] {
            return "two stages have the kind `\(kind)`: one in \(other.origin.place), one in \(entry.origin.place)"
        }
        entries.append(entry)
        return nil
    }

    package subscript(kind: String) -> Entry? { entries.first { $0.plugin.kind == kind } }
}
