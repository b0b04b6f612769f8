/// A piece of a configuration file with the place where it stands: what options are read from.
///
/// It knows no types yet: `8080` is the text of a scalar until an option reads it as a number.
public struct ConfigNode: Sendable, CustomStringConvertible {
    public typealias Pair = (key: String, keyPosition: SourcePosition, value: ConfigNode)

    public indirect enum Content: Sendable {
        /// Nothing: `~`, `null` or no value at all. The option keeps its default.
        case null
        /// A single value. Only a plain one, without quotes around it, can be a number or a boolean.
        case scalar(String, isPlain: Bool)
        case sequence([ConfigNode])
        /// In the order of the file; keys may stand there twice until an option reads the mapping.
        case mapping([Pair])
    }

    public var position: SourcePosition
    public var content: Content
    /// Some of the text came from the environment, so no finding may repeat it.
    public var isFromEnvironment: Bool
    /// The text of a scalar from the environment as the file writes it, with `${NAME}` in it.
    package var written: String?
    /// Where the text of a scalar stands, when it stands there as it is: each line of it, by the number of its first scalar.
    package var places: [TextPlace] = []
    /// What is wrong with the value was said when it was read from the file; it stands here as nothing.
    package var isSpoilt = false
    /// The key of the mapping that is not there at all, for findings about keys that are missing in it.
    package var missingKeysStandBelow: String?
    /// What findings call the node, such as "`port`" or "entry 2 of `scopes`". Set by whoever reads the parent.
    public var label: String

    public init(
        position: SourcePosition, content: Content, isFromEnvironment: Bool = false, label: String = "the value"
    ) {
        self.position = position
        self.content = content
        self.isFromEnvironment = isFromEnvironment
        self.label = label
    }

    /// The place only: the text may be secret.
    public var description: String { "the value at \(position)" }

    public var isNull: Bool {
        if case .null = content { true } else { false }
    }

    /// The text of a scalar.
    public var scalar: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// The text of a scalar that has no quotes around it.
    public var plainScalar: String? {
        if case .scalar(let text, isPlain: true) = content { text } else { nil }
    }

    /// Whether anything in the node is spoilt.
    package var holdsSpoilt: Bool {
        switch content {
        case .null, .scalar: isSpoilt
        case .sequence(let nodes): nodes.contains(where: \.holdsSpoilt)
        case .mapping(let pairs): pairs.contains { $0.value.holdsSpoilt }
        }
    }

    /// Whether anything in the node came from the environment.
    var holdsEnvironment: Bool {
        switch content {
        case .null, .scalar: isFromEnvironment
        case .sequence(let nodes): nodes.contains(where: \.holdsEnvironment)
        case .mapping(let pairs): pairs.contains { $0.value.holdsEnvironment }
        }
    }

    /// The value of a key of a mapping.
    public subscript(key: String) -> ConfigNode? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { $0.key == key }?.value
    }

    /// The place of a Unicode scalar of the text; that of the node when the file does not show the text as it is.
    package func position(ofScalar offset: Int) -> SourcePosition {
        guard let line = places.last(where: { $0.offset <= offset }) else { return position }
        var place = line.position
        place.column += offset - line.offset
        return place
    }

    /// Reports that the node is not what it must be.
    /// - Parameter expected: What it must be, with an example: "a duration such as 30s or 1m".
    public func report(expected: String, hint: String? = nil, findings: inout Findings) {
        guard !isSpoilt else { return }
        findings.error(at: position, "\(label) must be \(expected), not \(excerpt)", hint: hint)
    }

    /// What the node is, short enough for a message and without anything that may be secret.
    private var excerpt: String {
        switch content {
        case .null: "empty"
        case .scalar where isFromEnvironment: "what \(origin)"
        case .scalar(let text, _): SecretLooks.masked(text) == text ? quote(text) : "a text that may be secret"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    /// Where a value that must not be shown comes from, with a verb.
    package var origin: String {
        guard let written, written.hasPrefix("${"), written.firstRange(of: "}")?.upperBound == written.endIndex else {
            return written == nil ? "the environment variable holds" : "stands here with its variables filled in"
        }
        if written.hasPrefix("${file:") { return "the file holds" }
        return written.contains(":-") ? "the variable or its default holds" : "the environment variable holds"
    }

    /// The pairs of a mapping with their labels set, each key once; a key that stands there again is reported.
    func uniquePairs(_ pairs: [Pair], findings: inout Findings) -> [Pair] {
        var first: [String: SourcePosition] = [:]
        var unique: [Pair] = []
        for var pair in pairs {
            if let place = first[pair.key] {
                let message =
                    "\(quote(pair.key)) is given twice; the first one is \(place.words(from: pair.keyPosition))"
                findings.error(at: pair.keyPosition, message, hint: "keep one of them")
            } else {
                first[pair.key] = pair.keyPosition
                pair.value.label = quote(pair.key)
                unique.append(pair)
            }
        }
        return unique
    }
}

/// A line of a scalar's text and where it stands.
package struct TextPlace: Sendable, Hashable {
    /// The number of its first scalar in the text.
    package var offset: Int
    package var position: SourcePosition

    package init(offset: Int, position: SourcePosition) {
        self.offset = offset
        self.position = position
    }
}

/// Text between backticks for a message: shortened, and on one line.
package func quote(_ text: String) -> String {
    let limit = 40
    let shown = text.unicodeScalars.prefix(limit).map { $0.isUnprintable ? " " : Character($0) }
    return "`\(String(shown))\(text.unicodeScalars.dropFirst(limit).isEmpty ? "" : "…")`"
}

extension Unicode.Scalar {
    /// Control characters, line separators and the byte order mark: what would garble a terminal or a YAML file.
    var isUnprintable: Bool {
        switch value {
        case 0..<32, 127..<160, 0x2028, 0x2029, 0xFEFF: true
        default: false
        }
    }
}
