/// A mapping with known keys, such as the `with` block of a stage: a plain struct with a default for each option.
///
/// ```swift
/// struct LimitOptions: OptionGroup {
///     var requests = 30
///     var per: Duration = .seconds(60)
///
///     static let options: [Option<Self>] = [
///         Option("requests", \.requests, help: "How many messages a user may send.", range: 1...10_000),
///         Option("per", \.per, help: "The time in which they may be sent."),
///     ]
/// }
/// ```
///
/// A group must not contain itself.
public protocol OptionGroup: OptionValue {
    /// The group in which every option has its default.
    init()
    /// All options, in the order in which a person should meet them.
    static var options: [Option<Self>] { get }
    /// What is likely wrong with a key that is unlike all options; nil: the options are listed.
    static var unknownHint: String? { get }
}

extension OptionGroup {
    public static var unknownHint: String? { nil }
}

extension OptionGroup {
    public static var optionType: OptionType { .group(name: "\(Self.self)", descriptions) }

    /// The descriptions of all options.
    public static var descriptions: [OptionDescription] {
        let defaults = Self()
        return options.map { $0.describe(defaults) }
    }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Self? {
        let errors = findings.errorCount
        let group = salvage(node, findings: &findings)
        return findings.errorCount == errors ? group : nil
    }

    /// Reads a mapping. An option without a value keeps its default; so does one whose value is wrong.
    public static func salvage(_ node: ConfigNode, findings: inout Findings) -> Self? {
        let pairs: [ConfigNode.Pair]
        switch node.content {
        case .mapping(let all): pairs = node.uniquePairs(all, findings: &findings)
        case .null: pairs = []
        default:
            let example = options.first.map { "\($0.key): …" } ?? "key: value"
            node.report(expected: "a mapping such as { \(example) }", hint: hint(for: node), findings: &findings)
            return nil
        }
        var group = Self()
        let options = options
        for pair in pairs {
            if let option = options.first(where: { $0.key == pair.key }) {
                if !pair.value.isNull { option.apply(pair.value, &group, &findings) }
            } else {
                reportUnknown(pair, findings: &findings)
            }
        }
        let given = Set(pairs.filter { !$0.value.isNull || $0.value.isSpoilt }.map(\.key))
        for option in options where option.isRequired && !given.contains(option.key) {
            let example = option.example.map { "\(option.key): \($0)" }
            if let above = node.missingKeysStandBelow {
                let hint = example.map { "for example \(above): { \($0) }" }
                findings.error(at: node.position, "`\(above).\(option.key)` is missing", hint: hint)
            } else {
                findings.error(
                    at: node.position, "`\(option.key)` is missing", hint: example.map { "for example \($0)" })
            }
        }
        return group
    }

    /// For who wrote a key without a space behind it, or the one value that counts most without its key.
    private static func hint(for node: ConfigNode) -> String? {
        if let text = node.scalar, !node.isFromEnvironment,
            let option = options.first(where: { text.hasPrefix($0.key + ":") })
        {
            return "a space is missing after `\(option.key):`"
        }
        guard let first = options.first, first.isRequired, let value = node.scalar, !node.isFromEnvironment else {
            return nil
        }
        let shown = SecretLooks.masked(value) == value ? value.optionText : "…"
        guard value.contains("://"), first.key != "url", options.contains(where: { $0.key == "url" }) else {
            return "write \(first.key): \(shown)"
        }
        return "write { \(first.key): …, url: \(shown) }"
    }

    private static func reportUnknown(_ pair: ConfigNode.Pair, findings: inout Findings) {
        let keys = options.map(\.key)
        let hint =
            if let odd = oddCharacter(in: pair.key) {
                (nearestWord(to: pair.key, in: keys).map { "did you mean `\($0)`? " } ?? "") + odd
            } else if let owner = descriptions.first(where: { $0.type.hasOption(pair.key) }) {
                "it belongs below `\(owner.key)`"
            } else if let nearest = nearestWord(to: pair.key, in: keys) {
                "did you mean `\(nearest)`?"
            } else if keys.isEmpty {
                "there are no options here"
            } else {
                unknownHint ?? "known are \(keys.joined(separator: ", "))"
            }
        findings.error(at: pair.keyPosition, "\(quote(pair.key)) is not an option here", hint: hint)
    }

    /// For a key that looks like another, or holds what nobody sees: no option has such characters.
    private static func oddCharacter(in key: String) -> String? {
        guard let (index, odd) = key.unicodeScalars.enumerated().first(where: { !$0.element.isASCII }) else {
            return nil
        }
        let code = String(odd.value, radix: 16, uppercase: true)
        let padding = String(repeating: "0", count: max(0, 4 - code.count))
        return "character \(index + 1) of what stands here is U+\(padding)\(code): retype the word"
    }

    /// A mapping on one line, with all options that have a value.
    public var optionText: String { text(from: nil) }

    func text(from node: ConfigNode?) -> String {
        let pairs = Self.options.map { (key: $0.key, text: $0.text(self, node?[$0.key])) }.filter { $0.text != "null" }
        return pairs.isEmpty ? "{}" : "{ " + pairs.map { "\($0.key): \($0.text)" }.joined(separator: ", ") + " }"
    }
}

extension OptionType {
    /// Whether it is a mapping with this option, or a list of them.
    fileprivate func hasOption(_ key: String) -> Bool {
        switch self {
        case .group(_, let options): options.contains { $0.key == key }
        case .list(let element): element.hasOption(key)
        default: false
        }
    }
}
