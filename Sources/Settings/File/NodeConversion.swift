import Files
import MiddlewareKit
import Yams

/// Turns the parser's nodes into ``ConfigNode``, and refuses what would surprise a reader of the file.
struct NodeConversion {
    static let depthLimit = 64
    static let countLimit = 10_000
    static let tooDeep = "lists and mappings are nested more than \(depthLimit) deep here"

    let source: SourceText
    let environment: [String: String]
    /// See ``YAMLDocument/renamedKeys``.
    let renamedKeys: [SourcePosition: String]
    let contents: (_ path: String) throws(UnreadableFile) -> String
    private(set) var findings = Findings()
    private(set) var fillings = Fillings()
    private var count = 0

    init(
        source: SourceText, environment: [String: String], renamedKeys: [SourcePosition: String],
        contents: @escaping (_ path: String) throws(UnreadableFile) -> String
    ) {
        self.source = source
        self.environment = environment
        self.renamedKeys = renamedKeys
        self.contents = contents
    }

    /// Nil, and an error, when the tree is too large or too deep.
    mutating func convert(_ node: Node, depth: Int) -> ConfigNode? {
        let position = position(of: node)
        count += 1
        guard count <= Self.countLimit else {
            findings.error(at: position, "the file holds more than \(Self.countLimit) values")
            return nil
        }
        guard depth <= Self.depthLimit else {
            findings.error(at: position, Self.tooDeep)
            return nil
        }
        if node.anchor != nil {
            let hint = "write the value out where it is needed"
            findings.error(at: position, "anchors such as `&name` are not supported", hint: hint)
        }
        switch node {
        case .scalar(let scalar):
            guard allows(scalar.tag, of: "str", at: position) else { break }
            return convert(scalar, at: position)
        case .sequence(let sequence):
            guard allows(sequence.tag, of: "seq", at: position) else { break }
            var elements: [ConfigNode] = []
            for element in sequence {
                guard let element = convert(element, depth: depth + 1) else { return nil }
                elements.append(element)
            }
            return ConfigNode(position: position, content: .sequence(elements))
        case .mapping(let mapping):
            guard allows(mapping.tag, of: "map", at: position) else { break }
            var pairs: [ConfigNode.Pair] = []
            let words = mapping.keys.compactMap { key in key.scalar.map { (key, $0) } }
            if let (key, word) = words.first(where: { $1.style == .plain && LooksOfText.isEntry($1.string) }) {
                let hint = LooksOfText.hint(for: word.string)
                findings.error(at: self.position(of: key), LooksOfText.noSpaceAfterDash, hint: hint)
                break
            }
            for (key, value) in mapping {
                guard let value = convert(value, depth: depth + 1) else { return nil }
                if let name = name(of: key) { pairs.append((name, self.position(of: key), value)) }
            }
            return ConfigNode(position: position, content: .mapping(pairs))
        case .alias:
            // Only in trees that are to be written: the parser puts in the node that is meant.
            break
        }
        return Self.spoilt(at: position)
    }

    /// What stands for a value that has its finding.
    private static func spoilt(at position: SourcePosition) -> ConfigNode {
        var node = ConfigNode(position: position, content: .null)
        node.isSpoilt = true
        return node
    }

    private mutating func convert(_ scalar: Node.Scalar, at position: SourcePosition) -> ConfigNode {
        let isPlain = scalar.style == .plain && scalar.tag.rawValue == Tag.Name.implicit.rawValue
        if isPlain, ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
            return ConfigNode(position: position, content: .null)
        }
        if isPlain, let quotes = LooksOfText.typographicQuotes(around: scalar.string) {
            let hint = "write \"…\"; if they are meant to be part of the text, put \"…\" around them too"
            findings.error(at: position, "`\(quotes.0)` and `\(quotes.1)` are no quotes in YAML", hint: hint)
            return Self.spoilt(at: position)
        }
        let substitution = Substitution.apply(
            to: scalar.string, environment: environment, contents: contents, fillings: &fillings)
        switch substitution {
        case .unchanged:
            var node = ConfigNode(position: position, content: .scalar(scalar.string, isPlain: isPlain))
            node.places = source.places(of: scalar.string, from: position)
            return node
        case .literal(let text):
            return ConfigNode(position: position, content: .scalar(text, isPlain: isPlain))
        case .substituted(""):
            // `token: "${TOKEN:-}"` says that there may be no token.
            return ConfigNode(position: position, content: .null, isFromEnvironment: true)
        case .substituted(let text):
            // YAML often needs quotes around `${PORT}`; they do not mean that the port is a text.
            var node = ConfigNode(position: position, content: .scalar(text, isPlain: true), isFromEnvironment: true)
            node.written = scalar.string
            return node
        case .failed(let problems):
            for problem in problems { findings.error(at: position, problem.message, hint: problem.hint) }
            return Self.spoilt(at: position)
        }
    }

    /// The text of a key; nil, and an error, when it is something else.
    private mutating func name(of key: Node) -> String? {
        let position = position(of: key)
        guard case .scalar(let scalar) = key, key.anchor == nil else {
            findings.error(at: position, "a key must be a single word", hint: "write key: value")
            return nil
        }
        if let name = renamedKeys[position] { return name }
        if scalar.string == "<<", scalar.style == .plain {
            findings.error(at: position, "merge keys (`<<`) are not supported", hint: "write the options out")
            return nil
        }
        if scalar.style == .plain, LooksOfText.beginsWithOddSpace(scalar.string.unicodeScalars) {
            findings.error(at: position, LooksOfText.oddSpace, hint: LooksOfText.oddSpaceHint)
            return nil
        }
        return scalar.string
    }

    /// False, and an error, when the tag is anything but what YAML itself gives a value of this kind.
    private mutating func allows(_ tag: Tag, of kind: String, at position: SourcePosition) -> Bool {
        if [Tag.Name.implicit.rawValue, "!", "tag:yaml.org,2002:\(kind)"].contains(tag.rawValue) { return true }
        findings.error(at: position, "tags such as `!name` are not supported", hint: "delete the tag")
        return false
    }

    private func position(of node: Node) -> SourcePosition {
        SourcePosition(file: source.file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    }
}
