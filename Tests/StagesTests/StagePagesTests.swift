import Foundation
import MiddlewareKit
import Stages
import Testing

/// Each built-in stage has a page, and its tables name every option with its default.
@Suite struct StagePagesTests {
    @Test(arguments: BuiltInStages.all.indices)
    func thePageNamesEveryOption(index: Int) throws {
        let plugin = BuiltInStages.all[index]
        let lines = try page(of: plugin)
        for option in options(of: plugin) {
            let rows = lines.filter { $0.hasPrefix("| `\(option.key)` |") }
            #expect(!rows.isEmpty, "\(plugin.kind).md has no row for `\(option.key)`")
            guard let text = option.defaultText, text != "[]", text != "{}" else { continue }
            let plain = text.hasPrefix("\"") ? String(text.dropFirst().dropLast()) : text
            #expect(
                rows.contains { $0.contains("`\(text)`") || $0.contains(plain) },
                "\(plugin.kind).md does not say that the default of `\(option.key)` is \(text)")
        }
    }

    /// An option that is gone is gone from the page too.
    @Test(arguments: BuiltInStages.all.indices)
    func thePageNamesNothingElse(index: Int) throws {
        let plugin = BuiltInStages.all[index]
        let known = Set(options(of: plugin).map(\.key))
        let section = try page(of: plugin).drop { $0 != "## Options" }.dropFirst().prefix { !$0.hasPrefix("## ") }
        for row in section where row.hasPrefix("| `") {
            let name = row.dropFirst(3).prefix { $0 != "`" }
            #expect(known.contains(String(name)), "\(plugin.kind).md has a row for `\(name)`, which is no option")
        }
    }

    private func page(of plugin: any MiddlewarePlugin.Type) throws -> [Substring] {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../docs/stages/\(plugin.kind).md").standardized
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    }

    /// The options of a plugin and of the groups in them.
    private func options<Plugin: MiddlewarePlugin>(of plugin: Plugin.Type) -> [OptionDescription] {
        Plugin.Options.descriptions.flatMap { [$0] + nested($0.type) }
    }

    private func nested(_ type: OptionType) -> [OptionDescription] {
        switch type {
        case .list(let element), .dictionary(let element): nested(element)
        case .group(_, let options): options.flatMap { [$0] + nested($0.type) }
        default: []
        }
    }
}
