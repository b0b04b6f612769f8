package import MiddlewareKit
import Plugins
import Stages

/// All kinds of stage that config.yaml can name: the built-in ones, and those of the `Plugins` folder.
package enum StageCatalog {
    package static let all: [any MiddlewarePlugin.Type] = BuiltInStages.all + CompiledInPlugins.all
}
