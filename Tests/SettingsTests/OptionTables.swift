import Foundation
import MiddlewareKit

/// The tables of a page, made from the declarations of options.
struct OptionTables {
    /// Where a group that other options have too has its table on this page.
    private var places: [String: String] = [:]

    /// - Parameter place: What the table is called where another one refers to it.
    mutating func text(of type: OptionType, at place: String? = nil) -> String {
        guard case .group(let name, let options) = type.entry, !options.isEmpty else { return "" }
        if let known = places[name] { return "The same options as \(known).\n" }
        if let place { places[name] = place }
        var rows = "| option | type | default | what it does |\n|---|---|---|---|\n"
        var nested = ""
        for option in options {
            let bounds = option.rangeText.map { ", \($0)" } ?? ""
            let standard = option.isRequired ? "required" : option.defaultText.map { "`\($0)`" } ?? ""
            let help = option.help + (option.example.map { " Such as `\($0)`." } ?? "")
            let cells = ["`\(option.key)`", option.type.words + bounds, standard, help]
            rows += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
            let tables = text(of: option.type)
            if !tables.isEmpty { nested += "\nIn `\(option.key)`:\n\n" + tables }
        }
        return rows + nested
    }
}

/// A page with a part that is made from the source.
///
/// After a change of options: `SLUICE_WRITE_DOCS=1 swift test --filter PageTests`.
struct GeneratedPage {
    private let file: URL
    let text: String

    /// - Parameter path: Seen from the folder `docs`.
    init(_ path: String) throws {
        file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/\(path)").standardized
        text = try String(contentsOf: file, encoding: .utf8)
    }

    /// What stands between two marks, and what should; it is written there when the environment asks for it.
    func part(from start: String, to end: String?, expected: String) throws -> String? {
        guard let head = text.range(of: start) else { return nil }
        let tail = end.flatMap { text.range(of: $0, range: head.upperBound..<text.endIndex)?.lowerBound }
        guard let stop = end == nil ? text.endIndex : tail else { return nil }
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_DOCS"] != nil {
            try (text[..<head.upperBound] + expected + text[stop...]).write(to: file, atomically: true, encoding: .utf8)
            return expected
        }
        return String(text[head.upperBound..<stop])
    }
}

extension OptionType {
    /// What stands in a list or a mapping; the type itself otherwise.
    fileprivate var entry: OptionType {
        switch self {
        case .list(let entry), .oneOrList(let entry), .dictionary(let entry): entry.entry
        default: self
        }
    }

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
        case .oneOrList(let element): "\(element.words), or a list"
        case .dictionary(let element): "mapping to: \(element.words)"
        case .group(_, let options): options.isEmpty ? "the stage's own options" : "mapping"
        }
    }
}
