extension CallOutAnswer {
    /// Which member of an answer, or of a program's hello, is not what it must be, in words; nil: it is no such object at all.
    static func problem(_ error: any Error) -> String? {
        let path: [any CodingKey]
        switch error as? DecodingError {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            path = context.codingPath
        case .keyNotFound(let key, let context): path = context.codingPath + [key]
        default: return nil
        }
        // An index has no place in the words: "Index 0".
        let names = path.filter { $0.intValue == nil }.map(\.stringValue)
        guard let last = names.last else { return nil }
        let isNote = names.count > 1 && names.first == "notes"
        return "`\(names.joined(separator: ".").prefix(80))` must be \(isNote ? "text" : expected[last] ?? "text")"
    }

    /// What is no text.
    private static let expected = [
        "id": "the whole number of the question", "protocol": "a whole number",
        "verdict": "`pass`, `replace`, `reject` or `annotate`", "notes": "an object whose values are text",
        "handles": "an object", "inbound": "a list of kinds", "outbound": "a list of kinds",
        "reply": "true or false",
    ]
}
