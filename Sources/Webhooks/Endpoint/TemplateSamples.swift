import JSON

/// Events that a template must make JSON of: with everything, with hostile text everywhere, and with any one value unknown.
enum TemplateSamples {
    /// - Returns: Each with words that say what is special about it, to stand after "does not give JSON".
    static let all: [(event: JSONValue, words: String)] = {
        var samples: [(event: JSONValue, words: String)] = [(whole, "when values hold quotes and braces")]
        for place in places {
            let words = "when `\(place.joined(separator: "."))` is not known"
            samples.append((without(place[...], in: whole), words))
        }
        samples.append((bare, "when little is known"))
        return samples
    }()

    /// Members of an event that hold members of their own; the whole event is one too.
    struct Container {
        let path: [String]
        /// What a template may put in in its place.
        let member: String

        var words: String { path.isEmpty ? "the whole event" : "`\(name)`" }

        /// The name of a member that the container has in ``marked`` alone: nobody writes it, so it is where Swift prints the container.
        fileprivate var mark: String { "<\(name)>" }

        /// As it comes out of a template.
        var printedMark: String { #"\"\#(mark)\": "# }

        private var name: String { path.joined(separator: ".") }
    }

    /// From the outside in: what is printed of one shows those within it too.
    static let containers = [
        Container(path: [], member: "{{type}}"), Container(path: ["data"], member: "{{data.agent}}"),
        Container(path: ["data", "message"], member: "{{data.message.text}}"),
        Container(
            path: ["data", "message", "attachments"],
            member: "{{#data.message.attachments}}{{fileName}}{{/data.message.attachments}}"),
        Container(
            path: ["data", "message", "blocks"],
            member: "{{#data.message.blocks}}{{type}}{{/data.message.blocks}}"),
        Container(path: ["data", "usage"], member: "{{data.usage.output}}"),
    ]

    /// The whole event, with the marks of its containers.
    static let marked = containers.reduce(whole) { marked($0, at: $1.path[...], with: $1.mark) }

    private static func marked(_ value: JSONValue, at path: ArraySlice<String>, with mark: String) -> JSONValue {
        if let entries = value.array { return .array(entries.map { marked($0, at: path, with: mark) }) }
        guard var object = value.object else { return value }
        if let key = path.first {
            object[key] = object[key].map { marked($0, at: path.dropFirst(), with: mark) }
        } else {
            object[mark] = true
        }
        return .object(object)
    }

    private static let bare: JSONValue = [
        "version": 1, "id": "evt_1", "type": "webhook.test", "timestamp": "", "data": [:],
    ]

    /// Ends a string and an object where it is not escaped, and is no value where it stands alone.
    private static let hostile = JSONValue.string(#"x", "a": 1}]\\ {{data.user}}"# + "\n\t\u{0}")

    /// Every member that any event has.
    private static let whole: JSONValue = [
        "version": 1, "id": hostile, "type": hostile, "timestamp": hostile, "traceparent": hostile,
        "data": [
            "gateway": hostile, "session": hostile, "run": hostile, "user": hostile, "agent": hostile, "model": hostile,
            "message": [
                "role": hostile, "text": hostile, "attachments": [attachment, attachment],
                "blocks": [["type": hostile], ["type": hostile]],
            ],
            "usage": [
                "input": 1, "output": 2, "total": 3, "cacheRead": 4, "cacheWrite": 5, "costUSD": 0.5,
            ],
            "error": hostile, "kind": hostile, "stage": hostile, "code": hostile, "omitted": 3, "endpoint": hostile,
        ],
    ]

    /// The names of all members that an event or a part of one has, in alphabetical order.
    static let names: [String] = {
        func names(in value: JSONValue) -> [String] {
            if let entries = value.array { return entries.flatMap(names) }
            return (value.object ?? [:]).flatMap { [$0] + names(in: $1) }
        }
        return Set(names(in: whole)).sorted()
    }()

    private static let attachment: JSONValue = [
        "type": hostile, "mimeType": hostile, "fileName": hostile, "bytes": 7,
    ]

    /// The ways to all members of `data`, and to those of their objects.
    private static let places: [[String]] = {
        let data = whole.object?["data"]?.object ?? [:]
        var places = [["traceparent"]]
        for (key, value) in data {
            places.append(["data", key])
            for inner in value.object?.keys ?? [] { places.append(["data", key, inner]) }
        }
        return places
    }()

    private static func without(_ place: ArraySlice<String>, in value: JSONValue) -> JSONValue {
        guard let key = place.first, var object = value.object else { return value }
        object[key] = place.count == 1 ? nil : object[key].map { without(place.dropFirst(), in: $0) }
        return .object(object)
    }
}
