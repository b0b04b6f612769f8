extension Duration: OptionValue {
    public static var optionType: OptionType { .duration }

    /// The units, largest first, in milliseconds.
    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// A whole number and a unit: `500ms`, `30s`, `1m`, `24h`, `7d`.
    public static func read(_ node: ConfigNode, findings: inout Findings) -> Duration? {
        let parts = node.scalar.flatMap(splitUnit)
        let unit = parts.flatMap { parts in units.first { $0.name == parts.unit } }
        if let count = parts?.count, let unit {
            let (total, overflows) = count.multipliedReportingOverflow(by: unit.milliseconds)
            if !overflows { return .milliseconds(total) }
        }
        let hint =
            switch parts?.unit {
            case _ where unit != nil: "that is too long"
            case "": "add a unit"
            default: "write a whole number and ms, s, m, h or d"
            }
        node.report(expected: "a duration such as 30s or 1m", hint: hint, findings: &findings)
        return nil
    }

    /// In the largest unit that gives a whole number. What is shorter than a millisecond is lost.
    public var optionText: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        if milliseconds == 0 { return "0s" }
        for unit in Self.units where milliseconds.isMultiple(of: unit.milliseconds) {
            return "\(milliseconds / unit.milliseconds)\(unit.name)"
        }
        return "\(milliseconds)ms"
    }
}

/// `30s` as the number 30 and the unit `s`; nil unless it begins with one to eighteen digits.
func splitUnit(_ text: String) -> (count: Int64, unit: String)? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard digits.count <= 18, let count = Int64(digits) else { return nil }
    return (count, String(text[digits.endIndex...]))
}
