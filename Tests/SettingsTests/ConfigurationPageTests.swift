import Foundation
import MiddlewareKit
import Settings
import Stages
import Testing

/// The reference page says what the declarations of the options say.
@Suite struct ConfigurationPageTests {
    @Test func thePageIsFresh() throws {
        let page = try GeneratedPage("configuration.md")
        let expected = Self.tables()
        let start = "<!-- The tables below are made from the source. -->\n"
        #expect(try page.part(from: start, to: nil, expected: expected) == expected)
    }

    private static func tables() -> String {
        var tables = OptionTables()
        return Settings.descriptions.map { section in
            let isList = if case .list = section.type { true } else { false }
            let title = "\n## `\(section.key)`\(isList ? " (a list)" : "")\n\n\(section.help)\n"
            let table = tables.text(of: section.type, at: "an entry of `\(section.key)`")
            return title + (table.isEmpty ? "" : "\n" + table)
        }.joined()
    }

    @Test func thePageLeadsToThePageOfEveryKind() throws {
        let text = try GeneratedPage("configuration.md").text
        for plugin in BuiltInStages.all { #expect(text.contains("[\(plugin.kind)](stages/\(plugin.kind).md)")) }
    }
}

/// Each built-in stage has a page, and its tables are made from the declarations.
@Suite struct StagePageTests {
    @Test(arguments: BuiltInStages.all.indices)
    func thePageIsFresh(index: Int) throws {
        let plugin = BuiltInStages.all[index]
        let page = try GeneratedPage("stages/\(plugin.kind).md")
        let (start, end) = ("## Options\n\n<!-- Made from the source. -->\n\n", "\n<!-- Until here. -->\n")
        let expected = Self.tables(of: plugin)
        #expect(try page.part(from: start, to: end, expected: expected) == expected, "\(plugin.kind).md is stale")
    }

    private static func tables<Plugin: MiddlewarePlugin>(of plugin: Plugin.Type) -> String {
        var tables = OptionTables()
        return tables.text(of: Plugin.Options.optionType)
    }
}
