extension JSONValue {
    /// The value as JSON text for people: a member a line, short lists and objects on one line.
    package func laidOut(width: Int = 100, indentation: Int = 0) -> String {
        let line = encoded()
        guard indentation + line.utf8.count > width else { return line }
        let margin = String(repeating: " ", count: indentation + 2)
        let end = "\n" + String(repeating: " ", count: indentation)
        switch self {
        case .array(let elements):
            let lines = elements.map { margin + $0.laidOut(width: width, indentation: indentation + 2) }
            return "[\n" + lines.joined(separator: ",\n") + end + "]"
        case .object(let members):
            let lines = members.map { key, value in
                let head = "\(JSONValue.string(key).encoded()): "
                return margin + head + value.laidOut(width: width, indentation: indentation + 2)
            }
            return "{\n" + lines.joined(separator: ",\n") + end + "}"
        default: return line
        }
    }
}
