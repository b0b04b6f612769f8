package import JSON
import MiddlewareKit

extension EndpointOptions {
    /// Reads the settings of an endpoint from JSON: the same options as in config.yaml, with the same checks.
    /// - Returns: The options, and what is likely not meant in words; or nil, and what is wrong.
    package static func read(_ object: JSONObject) -> (options: EndpointOptions?, problems: [String]) {
        var findings = Findings()
        let options = EndpointOptions.read(JSONValue.object(object).configNode, findings: &findings)
        return (options, findings.all.map { $0.message + ($0.hint.map { " (\($0))" } ?? "") })
    }
}

extension Endpoint {
    /// From the settings that were stored. Nil: they were stored by another version and cannot be read.
    package init?(stored settings: String, name: String, content: EventContent) {
        guard let object = (try? JSONValue(parsing: settings))?.object,
            var options = EndpointOptions.read(object).options
        else { return nil }
        options.givenName = name
        self.init(options, content: content, isAdded: true)
    }
}

extension JSONValue {
    fileprivate var configNode: ConfigNode {
        let content: ConfigNode.Content
        switch self {
        case .null: content = .null
        case .bool(let value): content = .scalar("\(value)", isPlain: true)
        case .integer(let value): content = .scalar("\(value)", isPlain: true)
        case .number(let value): content = .scalar("\(value)", isPlain: true)
        case .string(let value): content = .scalar(value, isPlain: false)
        case .array(let values): content = .sequence(values.map(\.configNode))
        case .object(let object):
            content = .mapping(object.map { (key: $0, keyPosition: Self.place, value: $1.configNode) })
        }
        // What comes over the network may be secret: no finding repeats it.
        return ConfigNode(position: Self.place, content: content, isFromEnvironment: false)
    }

    private static var place: SourcePosition { SourcePosition(file: "body", line: 1, column: 1) }
}
