public import MiddlewareKit

/// Reads the options of a plugin as the server does, from a literal instead of config.yaml.
///
/// ```swift
/// let (options, problems) = PluginOptions.read(HouseRulesPlugin.self, ["max-length": 500])
/// ```
public enum PluginOptions {
    /// Reads and validates a `with` block.
    /// - Returns: The options, nil if they cannot be read; and what `sluice check` would say about them.
    public static func read<Plugin: MiddlewarePlugin>(
        _ plugin: Plugin.Type, _ block: ConfigNode, isReachableByOthers: Bool = false
    ) -> (options: Plugin.Options?, problems: [String]) {
        var findings = Findings()
        guard let options = Plugin.Options.read(block, findings: &findings) else {
            return (nil, findings.all.map { $0.message + ($0.hint.map { " (\($0))" } ?? "") })
        }
        let environment = StageEnvironment(isReachableByOthers: isReachableByOthers)
        let problems = plugin.validate(options, in: environment).map { problem in
            problem.key.map { "`\($0)`: \(problem.message)" } ?? problem.message
        }
        return (options, problems)
    }
}

/// A node that stands nowhere in particular.
private func node(_ content: ConfigNode.Content) -> ConfigNode {
    ConfigNode(position: SourcePosition(file: "test", line: 1, column: 1), content: content)
}

extension ConfigNode: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = node(.scalar(value, isPlain: true)) }
}

extension ConfigNode: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int) { self = node(.scalar(String(value), isPlain: true)) }
}

extension ConfigNode: ExpressibleByFloatLiteral {
    public init(floatLiteral value: Double) { self = node(.scalar(String(value), isPlain: true)) }
}

extension ConfigNode: ExpressibleByBooleanLiteral {
    public init(booleanLiteral value: Bool) { self = node(.scalar(String(value), isPlain: true)) }
}

extension ConfigNode: ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: ConfigNode...) { self = node(.sequence(elements)) }
}

extension ConfigNode: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, ConfigNode)...) {
        let position = SourcePosition(file: "test", line: 1, column: 1)
        self = node(.mapping(elements.map { (key: $0, keyPosition: position, value: $1) }))
    }
}
