/// One of a few words. Declare an enum with `String` raw values, in kebab-case:
///
/// ```swift
/// enum LogFormat: String, OptionChoice { case text, json }
/// ```
public protocol OptionChoice: OptionValue, RawRepresentable, CaseIterable where RawValue == String {}

extension OptionChoice {
    public static var optionType: OptionType { .choice(allCases.map(\.rawValue)) }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Self? {
        if let text = node.scalar, let value = Self(rawValue: text) { return value }
        node.reportNoChoice(of: allCases.map(\.rawValue), findings: &findings)
        return nil
    }

    public var optionText: String { rawValue.optionText }
}

extension ConfigNode {
    /// Reports that the node is none of the words that it may be.
    package func reportNoChoice(of words: [String], findings: inout Findings) {
        let nearest = isFromEnvironment ? nil : scalar.flatMap { nearestWord(to: $0, in: words) }
        let expected = words.count == 1 ? words[0] : "one of " + words.joined(separator: ", ")
        report(expected: expected, hint: nearest.map { "did you mean `\($0)`?" }, findings: &findings)
    }
}

extension FailurePolicy: OptionChoice {}
extension MessageKind: OptionChoice {}
extension EventKind: OptionChoice {}
