import MiddlewareKit
import Plugins
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
        let entries = [
            StageCatalog.Entry(plugin: First.self, place: "Plugins/A/A.swift:3"),
            StageCatalog.Entry(plugin: Second.self, place: "./b.so"),
        ]
        #expect(
            StageCatalog.conflicts(in: entries) == [
                "two stages have the kind `same`: one in Plugins/A/A.swift:3, one in ./b.so; rename or remove one of them"
            ])
    }

    @Test func whatIsThereHasNoConflict() {
        #expect(StageCatalog.conflicts(in: StageCatalog.entries) == [])
    }

    @Test func theBuildNotesWhereEachPluginStands() {
        #expect(CompiledInPlugins.all.count == CompiledInPlugins.places.count)
        #expect(CompiledInPlugins.places.contains("Plugins/HouseRules/HouseRulesOptions.swift:15"))
    }
}
