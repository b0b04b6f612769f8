import Foundation
import MiddlewareKit
import Settings
import Testing

/// The reference page says what the declarations of the options say.
///
/// After a change of options: `SLUICE_WRITE_DOCS=1 swift test --filter ConfigurationPageTests`.
@Suite struct ConfigurationPageTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/configuration.md").standardized
    private static let start = "<!-- The tables below are made from the source. -->\n"

    @Test func thePageIsFresh() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let head = try #require(text.range(of: Self.start))
        let tables = Self.tables()
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] != nil {
            try (text[..<head.upperBound] + tables).write(to: Self.page, atomically: true, encoding: .utf8)
        } else {
            #expect(String(text[head.upperBound...]) == tables)
        }
    }

    private static func tables() -> String {
        Settings.descriptions.map { section in
            let isList = if case .list = section.type { true } else { false }
            let title = "\n## `\(section.key)`\(isList ? " (a list)" : "")\n\n\(section.help)\n\n"
            return title + table(of: section.type)
        }.joined()
    }

    private static func table(of type: OptionType) -> String {
        guard case .group(_, let options) = type.element else { return "" }
        var rows = "| option | type | default | what it does |\n|---|---|---|---|\n"
        var nested = ""
        for option in options {
            let bounds = option.rangeText.map { ", \($0)" } ?? ""
            let standard = option.isRequired ? "required" : option.defaultText.map { "`\($0)`" } ?? ""
            rows += "| `\(option.key)` | \(option.type.words)\(bounds) | \(standard) | \(option.help) |\n"
            if case .group(_, let inner) = option.type.element, !inner.isEmpty {
                nested += "\nIn `\(option.key)`:\n\n" + table(of: option.type)
            }
        }
        return rows + nested
    }
}

extension OptionType {
    /// What stands in a list; the type itself otherwise.
    fileprivate var element: OptionType { if case .list(let element) = self { element } else { self } }

    fileprivate var words: String {
        switch self {
        case .string: "text"
        case .boolean: "`true` or `false`"
        case .integer: "whole number"
        case .number: "number"
        case .duration: "duration"
        case .size: "size"
        case .secret: "secret text"
        case .choice(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .list(let element): "list of: \(element.words)"
        case .dictionary(let element): "mapping to: \(element.words)"
        case .group(_, let options): options.isEmpty ? "the stage's own options" : "mapping"
        }
    }
}
