import MiddlewareKit

let place = SourcePosition(file: "test.yaml", line: 1, column: 1)

func plain(_ text: String, column: Int = 1) -> ConfigNode {
    ConfigNode(
        position: SourcePosition(file: "test.yaml", line: 1, column: column), content: .scalar(text, isPlain: true))
}

func quoted(_ text: String) -> ConfigNode {
    ConfigNode(position: place, content: .scalar(text, isPlain: false))
}

func list(_ elements: ConfigNode...) -> ConfigNode {
    ConfigNode(position: place, content: .sequence(elements))
}

/// A mapping whose keys stand in the lines 1, 2, 3 and so on.
func mapping(_ pairs: (String, ConfigNode)...) -> ConfigNode {
    let pairs = pairs.enumerated().map { index, pair in
        let keyPosition = SourcePosition(file: "test.yaml", line: index + 1, column: 1)
        return (key: pair.0, keyPosition: keyPosition, value: pair.1)
    }
    return ConfigNode(position: place, content: .mapping(pairs))
}

/// The value and the findings, as a person would see them.
func read<Value: OptionValue>(_ type: Value.Type, _ node: ConfigNode) -> (value: Value?, findings: [String]) {
    var findings = Findings()
    var node = node
    node.label = "`key`"
    let value = Value.read(node, findings: &findings)
    return (value, findings.all.map { $0.message + ($0.hint.map { " (\($0))" } ?? "") })
}
