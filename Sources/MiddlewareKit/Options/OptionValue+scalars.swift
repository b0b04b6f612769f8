extension String: OptionValue {
    public static var optionType: OptionType { .string }

    /// Any single value is text for an option that wants text: `id: 42` is the text "42".
    public static func read(_ node: ConfigNode, findings: inout Findings) -> String? {
        guard let text = node.scalar else {
            node.report(expected: "text", findings: &findings)
            return nil
        }
        return text
    }

    /// Plain where that reads back as the same text, else in double quotes.
    public var optionText: String {
        let startsPlain = first.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "/" || $0 == ".") } ?? false
        let isPlain = utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            case UInt8(ascii: "."), UInt8(ascii: "/"): true
            default: false
            }
        }
        return startsPlain && isPlain && lowercased() != "null" ? self : quotedText
    }

    private var quotedText: String {
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where scalar.isUnprintable:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        // A `${` in a file asks for a variable; `$${` is the text itself.
        return text.split(separator: "${", omittingEmptySubsequences: false).joined(separator: "$${") + "\""
    }
}

extension Bool: OptionValue {
    public static var optionType: OptionType { .boolean }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Bool? {
        switch node.plainScalar {
        case "true": return true
        case "false": return false
        default:
            let other = ["yes": "true", "on": "true", "no": "false", "off": "false"]
            let word = node.isFromEnvironment ? nil : node.plainScalar.flatMap { other[$0.lowercased()] }
            let hint = word.map { "write \($0)" } ?? node.quotesHint(for: Bool.self)
            node.report(expected: "true or false", hint: hint, findings: &findings)
            return nil
        }
    }

    public var optionText: String { self ? "true" : "false" }
}

extension Int: OptionValue {
    public static var optionType: OptionType { .integer }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Int? {
        // YAML 1.1 takes 010 for 8: better to ask than to guess.
        guard let text = node.plainScalar, let number = Int(text), text == "0" || !text.hasPrefix("0") else {
            node.report(
                expected: "a whole number such as 10", hint: node.quotesHint(for: Int.self), findings: &findings)
            return nil
        }
        return number
    }

    public var optionText: String { String(self) }
}

extension Double: OptionValue {
    public static var optionType: OptionType { .number }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Double? {
        guard let text = node.plainScalar, text.allSatisfy("0123456789.+-eE".contains), let number = Double(text),
            number.isFinite
        else {
            node.report(expected: "a number such as 0.5", hint: node.quotesHint(for: Double.self), findings: &findings)
            return nil
        }
        return number
    }

    public var optionText: String { description }
}

extension ConfigNode {
    /// For a value that is right but for the quotes around it.
    fileprivate func quotesHint<Value: LosslessStringConvertible>(for type: Value.Type) -> String? {
        guard plainScalar == nil, let scalar, Value(scalar) != nil else { return nil }
        return "leave out the quotes"
    }
}

/// A text that nobody may see: a token, a password. It prints as `<redacted>` everywhere.
public struct Secret: OptionValue, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text itself. Hand it to what needs it, and to nothing else.
    public let revealed: String

    public init(_ text: String) { revealed = text }

    public static var optionType: OptionType { .secret }

    public static func read(_ node: ConfigNode, findings: inout Findings) -> Secret? {
        guard let text = String.read(node, findings: &findings) else { return nil }
        if !node.isFromEnvironment { findings.noteClearSecret(at: node.position) }
        return Secret(text)
    }

    public var optionText: String { "<redacted>" }
    public var description: String { "<redacted>" }
    public var debugDescription: String { "<redacted>" }
    /// Without this `dump` would show the text.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
