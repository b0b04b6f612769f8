import MiddlewareKit
import Plugins
package import Settings
import Stages

extension StageCatalog {
    /// The stages that are part of the program: the built-in ones, and those of the `Plugins` folder.
    ///
    /// Two of them may have one kind; `conflicts` says so in words then.
    package static func ofProgram() -> (catalog: StageCatalog, conflicts: [String]) {
        var catalog = StageCatalog(BuiltInStages.all)
        let conflicts = zip(CompiledInPlugins.all, CompiledInPlugins.places).compactMap {
            catalog.add(Entry(plugin: $0, origin: .compiledIn(place: $1)))
        }
        return (catalog, conflicts)
    }
}
