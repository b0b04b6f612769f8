import Foundation
import JSON
import MiddlewareKit
import Settings
import Stages
import Testing

@Suite struct ReferenceTests {
    @Test func theDefaultFileSaysWhatTheDefaultsAre() throws {
        let text = DefaultFile.text(catalog: BuiltInStages.all)
        let loaded = SettingsLoader.load(
            text: Array(text.utf8), file: "default", environment: [:], catalog: StageCatalog(BuiltInStages.all))
        #expect(loaded.findings.all.map(\.description) == [])
        #expect(loaded.settings?.optionText == Settings().optionText)
        for option in Settings.descriptions {
            #expect(text.contains("\n\(option.key):") || text.contains("# \(option.key):"))
        }
    }

    @Test func theSchemaHoldsEveryOptionAndKind() throws {
        let schema = ConfigSchema.document(catalog: BuiltInStages.all)
        #expect(schema["properties"]?.object?.keys == Settings.descriptions.map(\.key))
        let port = schema["properties"]?["server"]?["properties"]?["port"]
        #expect(port?["anyOf"]?[0]?["maximum"] == 65_535)
        let stage = try #require(schema["$defs"]?["stage"])
        let kinds = stage["properties"]?["use"]?["anyOf"]?.array?.compactMap { $0["const"]?.string }
        #expect(kinds == BuiltInStages.all.map { $0.kind })
        #expect(stage["allOf"]?.array?.count == BuiltInStages.all.count)
        // The name of a stage is good where stages are named.
        #expect(stage["properties"]?["use"]?["anyOf"]?.array?.contains { $0["pattern"] != nil } == true)
        #expect(schema["else"]?["properties"]?["pipeline"]?["items"]?["$ref"] == "#/$defs/kind")
    }

    @Test func jsonIsLaidOutForPeople() throws {
        let value: JSONValue = ["a": [1, 2], "b": ["c": "0123456789", "d": "0123456789"]]
        #expect(
            value.laidOut(width: 30) == """
                {
                  "a": [1,2],
                  "b": {
                    "c": "0123456789",
                    "d": "0123456789"
                  }
                }
                """)
        #expect(try JSONValue(parsing: value.laidOut(width: 10)) == value)
    }
}
