import MiddlewareKit
import PluginSources
import Plugins
import Settings
import SluiceServer
import Testing

@Suite struct StageCatalogTests {
    private enum First: MiddlewarePlugin {
        static let kind = "same"
        static let summary = ""
        struct Options: OptionGroup { static let options: [Option<Self>] = [] }
        static func provision(_ options: Options, in context: ProvisionContext) async throws -> any Middleware {
            Nothing()
        }
    }

    private enum Second: MiddlewarePlugin {
        static let kind = "same"
        static let summary = ""
        static func provision(_ options: First.Options, in context: ProvisionContext) async throws -> any Middleware {
            Nothing()
        }
    }

    private struct Nothing: Middleware {}

    @Test func twoPluginsOfOneKindAreToldWithBothPlaces() {
        var catalog = StageCatalog()
        #expect(catalog.add(.init(plugin: First.self, origin: .compiledIn(place: "Plugins/A/A.swift:3"))) == nil)
        #expect(
            catalog.add(.init(plugin: Second.self, origin: .library(path: "./b.so")))
                == "two stages have the kind `same`: one in Plugins/A/A.swift:3, one in ./b.so")
        #expect(catalog.entries.count == 1)
    }

    @Test func whatIsThereHasNoConflict() {
        let (catalog, conflicts) = StageCatalog.ofProgram()
        #expect(conflicts == [])
        #expect(catalog["auth"]?.origin == .builtIn)
        #expect(catalog["house-rules"]?.origin.place == "Plugins/HouseRules/HouseRulesOptions.swift:15")
    }

    @Test func theBuildNotesWhereEachPluginStands() {
        #expect(CompiledInPlugins.all.count == CompiledInPlugins.places.count)
        #expect(CompiledInPlugins.places.contains("Plugins/HouseRules/HouseRulesOptions.swift:15"))
    }
}

@Suite struct PluginSourceTests {
    @Test func pluginsAndTheirKindsAreFoundByTheirText() {
        let text = """
            /* enum No: MiddlewarePlugin { */
            // enum Neither: MiddlewarePlugin {
            struct Options: OptionGroup {}

            enum One: MiddlewarePlugin { static let kind = "one" }
            public final class Two: Sendable, MiddlewarePlugin {
                static let kind: String = "two"
                // static let kind = "three"
            }
            """
        #expect(PluginSource.all(in: text) == [PluginSource(name: "One", line: 5), PluginSource(name: "Two", line: 6)])
        #expect(PluginSource.kinds(in: text) == ["one", "two"])
    }
}
