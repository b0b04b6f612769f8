/// One option of a group: its key, where its value goes, and what a person should know of it.
///
/// This one declaration is the source of the reader, the checks, the documentation and the default.
public struct Option<Group>: Sendable {
    /// The word in the file, in kebab-case.
    public let key: String
    let isRequired: Bool
    let example: String?
    /// Reads the value into the group, or reports what is wrong with it.
    let apply: @Sendable (_ node: ConfigNode, _ group: inout Group, _ findings: inout Findings) -> Void
    /// The value as YAML; without what came from the environment, as far as the node that it was read from tells.
    let text: @Sendable (_ group: Group, _ node: ConfigNode?) -> String
    /// The description; `defaults` is a group in which nothing was set.
    let describe: @Sendable (_ defaults: Group) -> OptionDescription

    /// - Parameters:
    ///   - path: Where the value goes. What the group's `init()` puts there is the default.
    ///   - help: What the option does, in one or two sentences.
    ///   - example: A value as YAML, for the documentation and for "is missing".
    ///   - check: Says what a value must be if it is wrong, to stand after the key: "must begin with https://". Nil: it is
    ///     right. The answer must not repeat the value, which may come from the environment.
    public init<Value: OptionValue>(
        _ key: String,
        _ path: any WritableKeyPath<Group, Value> & Sendable,
        help: String,
        example: String? = nil,
        isRequired: Bool = false,
        check: (@Sendable (Value) -> String?)? = nil
    ) {
        self.init(key, path, help: help, example: example, isRequired: isRequired, bounds: nil, check: check)
    }

    /// An option whose value must lie in a range, both ends included.
    public init<Value: OptionValue & Comparable>(
        _ key: String,
        _ path: any WritableKeyPath<Group, Value> & Sendable,
        help: String,
        example: String? = nil,
        isRequired: Bool = false,
        range: ClosedRange<Value>,
        check: (@Sendable (Value) -> String?)? = nil
    ) {
        let bounds = OptionRange(lowest: range.lowerBound.optionText, highest: range.upperBound.optionText)
        self.init(key, path, help: help, example: example, isRequired: isRequired, bounds: bounds) { value in
            range.contains(value) ? check?(value) : "must be in the range \(bounds.lowest) to \(bounds.highest)"
        }
    }

    private init<Value: OptionValue>(
        _ key: String,
        _ path: any WritableKeyPath<Group, Value> & Sendable,
        help: String,
        example: String?,
        isRequired: Bool,
        bounds: OptionRange?,
        check: (@Sendable (Value) -> String?)?
    ) {
        self.key = key
        self.isRequired = isRequired
        self.example = example
        apply = { node, group, findings in
            let errors = findings.errorCount
            guard let value = Value.salvage(node, findings: &findings) else { return }
            group[keyPath: path] = value
            if findings.errorCount == errors, let problem = check?(value) {
                findings.error(at: node.position, "\(node.label) \(problem)")
            }
        }
        text = { $0[keyPath: path].shownText(from: $1) }
        describe = { defaults in
            let defaultText = defaults[keyPath: path].optionText
            return OptionDescription(
                key: key,
                type: Value.optionType,
                help: help,
                defaultText: isRequired || defaultText == "null" ? nil : defaultText,
                example: example,
                isRequired: isRequired,
                range: bounds
            )
        }
    }
}
