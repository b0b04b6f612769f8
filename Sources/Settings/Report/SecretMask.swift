import MiddlewareKit

/// Hides what may be a secret in the lines of a file before they are shown.
///
/// It goes by the look of the lines, not by their meaning: the file may be no YAML, and the key may be misspelt. What
/// stands behind or below a key that looks like one of a secret is hidden, except for `${…}`.
struct SecretMask {
    let keys: SecretKeys
    let lines: [[Unicode.Scalar]]

    private static let replacement = Array("<redacted>".unicodeScalars)

    /// A line without secrets, and where the column has gone.
    func line(_ number: Int, column: Int) -> (line: [Unicode.Scalar], column: Int) {
        let line = lines[number]
        let keys = keys.names(in: section(of: number))
        let indentation = line.prefix { $0 == " " || $0 == "\t" }.count
        if isBelowSecret(number, indentation, keys) || isSecretAddressAlone(line) {
            return (line[..<indentation] + Self.replacement, min(column, indentation))
        }
        var result: [Unicode.Scalar] = []
        var newColumn = column
        var index = 0
        while index < line.count {
            if let value = secretValue(in: line, behindColon: index, keys) {
                result += line[index..<value.lowerBound] + Self.replacement
                if column >= value.upperBound {
                    newColumn += Self.replacement.count - value.count
                } else if column >= value.lowerBound {
                    newColumn += value.lowerBound - column
                }
                index = value.upperBound
            } else {
                result.append(line[index])
                index += 1
            }
        }
        return (result, newColumn)
    }

    /// A URL that stands on a line of its own, below its key.
    private func isSecretAddressAlone(_ line: [Unicode.Scalar]) -> Bool {
        let text = String(String.UnicodeScalarView(line))
        return !text.contains(": ") && SecretLooks.isSecretAddress(text)
    }

    /// The key of the file itself that a line stands at or below; nil when it does not look like one.
    private func section(of number: Int) -> String? {
        guard
            let line = lines[...number].last(where: { line in
                line.first.map { $0 != " " && $0 != "\t" && $0 != "#" && $0 != "-" } ?? false
            }), let colon = line.firstIndex(of: ":")
        else { return nil }
        return key(before: colon, in: line)
    }

    /// Whether one of the lines that this line belongs to ends with the key of a secret.
    private func isBelowSecret(_ number: Int, _ indentation: Int, _ keys: SecretKeys.Names) -> Bool {
        // The entries of a list may stand as far left as its key.
        var depth = lines[number].dropFirst(indentation).first == "-" ? indentation + 1 : indentation
        var above = number - 1
        while above >= 0, depth > 0 {
            let line = lines[above]
            let start = line.prefix { $0 == " " || $0 == "\t" }.count
            if start < line.count, start < depth, line[start] != "#" {
                if let colon = line.lastIndex(of: ":"), isSecretKey(before: colon, in: line, keys),
                    line[(colon + 1)...].allSatisfy({ " \t|>+-0123456789".unicodeScalars.contains($0) })
                {
                    return true
                }
                depth = line[start] == "-" ? start + 1 : start
            }
            above -= 1
        }
        return false
    }

    /// The value to hide when there is the colon of a secret at `index`, or what people take for one.
    private func secretValue(
        in line: [Unicode.Scalar], behindColon index: Int, _ keys: SecretKeys.Names
    ) -> Range<Int>? {
        guard mayEndKey(index, in: line) else { return nil }
        let isSecret = isSecretKey(before: index, in: line, keys)
        if !isSecret, let rest = secretPart(ofAddressWith: index, in: line) { return rest }
        let start = line[(index + 1)...].firstIndex { $0 != " " && $0 != "\t" } ?? line.count
        guard start < line.count, !["#", "|", ">"].contains(line[start]) else { return nil }
        let end: Int
        switch line[start] {
        case "\"", "'":
            end = line[(start + 1)...].firstIndex(of: line[start]).map { $0 + 1 } ?? line.count
        case "[", "{":
            guard isSecret else { return nil }
            end = line.count
        default:
            let isInside = line[..<start].contains { $0 == "{" || $0 == "[" }
            let isReference = line[start...].starts(with: "${".unicodeScalars)
            let rest = isReference ? line[start...].drop { $0 != "}" }.dropFirst() : line[start...]
            let stop = rest.indices.first { place in
                (isInside && [",", "}", "]"].contains(line[place])) || (line[place] == "#" && line[place - 1] == " ")
            }
            end = stop ?? line.count
        }
        let text = String(String.UnicodeScalarView(line[start..<end]))
        if isSecret, keys.isNumber(text.filter { $0 != " " }, of: key(before: index, in: line)) { return nil }
        guard isSecret || SecretLooks.isSecretAddress(text) else { return nil }
        return isVariable(line[start..<end]) ? nil : start..<end
    }

    /// What stands behind the `://` at `index` when there is a user, a password or a query in it: an address may be an entry of a list.
    private func secretPart(ofAddressWith index: Int, in line: [Unicode.Scalar]) -> Range<Int>? {
        guard line[index...].starts(with: "://".unicodeScalars) else { return nil }
        let rest = line[(index + 3)...].prefix { !" \t\"'".unicodeScalars.contains($0) }
        guard rest.contains("@") || rest.contains("?") else { return nil }
        return rest.startIndex..<rest.endIndex
    }

    /// A `:`, the `=` of other kinds of files, or the `,` behind an argument such as `--token`.
    private func mayEndKey(_ index: Int, in line: [Unicode.Scalar]) -> Bool {
        switch line[index] {
        case ":": true
        case "=":
            !line[..<index].suffix(1).contains { "=!<>".unicodeScalars.contains($0) }
                && !line[(index + 1)...].starts(with: ["="])
        case ",": key(before: index, in: line).hasPrefix("-")
        default: false
        }
    }

    /// `${NAME}` says nothing that is secret; a default of its own does.
    private func isVariable(_ value: ArraySlice<Unicode.Scalar>) -> Bool {
        let bare = value.filter { !["\"", "'", " "].contains($0) }
        return bare.starts(with: "${".unicodeScalars) && bare.firstIndex(of: "}") == bare.count - 1
            && !String(String.UnicodeScalarView(bare)).contains(":-")
    }

    private func isSecretKey(before colon: Int, in line: [Unicode.Scalar], _ keys: SecretKeys.Names) -> Bool {
        keys.isSecret(key(before: colon, in: line))
    }

    private func key(before colon: Int, in line: [Unicode.Scalar]) -> String {
        let key = line[..<colon].reversed().drop { $0 == "\"" || $0 == "'" || $0 == " " }
            .prefix { $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_" }
        return String(String.UnicodeScalarView(key.reversed())).lowercased()
    }
}

/// The names of options that hold secrets. One name may be that of a secret in one place and not in another: the address of
/// a webhook is one, that of a gateway is none.
package struct SecretKeys: Sendable {
    /// The names that count in one part of the file.
    struct Names: Sendable {
        fileprivate var secrets: Set<String> = []
        /// Those for which a key with a number may be a slip; nil: all.
        fileprivate var mistakable: Set<String>?
        /// Those of options that hold numbers.
        fileprivate var numbers: Set<String> = []
        /// Those of all options, and the words that are values of some.
        fileprivate var words: Set<String> = []

        fileprivate mutating func add(_ type: OptionType) {
            switch type {
            case .list(let element), .oneOrList(let element), .dictionary(let element): add(element)
            case .group(_, let options):
                for option in options {
                    words.insert(option.key)
                    if option.isSecret { secrets.insert(option.key) }
                    if option.type.isNumber { numbers.insert(option.key) }
                    add(option.type)
                }
            case .choice(let choices): words.formUnion(choices)
            default: break
            }
        }

        /// Whether a key looks like that of a secret.
        func isSecret(_ key: String) -> Bool {
            let word = key.lowercased()
            return !word.isEmpty
                && (SecretLooks.isSecretKey(word) || nearestWord(to: word, in: secrets) != nil
                    || (SecretLooks.mayBeSecretKey(word) && !words.contains(word)))
        }

        /// Whether a value is one of an option that holds a number, though its key looks like that of a secret: `tokens: 500`.
        func isNumber(_ value: String, of key: String) -> Bool {
            numbers.contains(key) && nearestWord(to: key, in: mistakable ?? secrets) == nil
                && value.wholeMatch(of: /[-+]?[0-9][0-9_.]{0,15}[A-Za-z]{0,3}/) != nil
        }
    }

    private var all = Names()
    /// By the key of the file itself that they stand below; only where that is sure.
    private var sections: [String: Names] = [:]

    init(_ names: Set<String> = []) { all.secrets = names }

    /// Of the file, and of the stages whose options stand somewhere in it.
    init(_ settings: [OptionDescription], stages: [OptionType]) {
        var stageNames = Names()
        for type in stages { stageNames.add(type) }
        all = stageNames
        all.add(.group(name: "", settings))
        let stageSections = ["pipeline", "stages", "chains"]
        for section in settings where !stageSections.contains(section.key) {
            var names = Names()
            names.add(section.type)
            sections[section.key] = names
        }
        var names = all
        names.mistakable = stageNames.secrets
        for section in stageSections { sections[section] = names }
    }

    /// The words that a configuration is written with.
    var ownWords: Set<String> { all.words }

    func names(in section: String?) -> Names { section.flatMap { sections[$0] } ?? all }
}

extension ConfigNode {
    /// Visits the single values of the tree of a file.
    ///
    /// - Parameter body: Gets the value, and whether it looks like a secret, by its own look or by the keys that lead to it.
    func visitScalars(
        _ keys: SecretKeys, in section: String? = nil, isSecret: Bool = false,
        _ body: (_ node: ConfigNode, _ isSecret: Bool) -> Void
    ) {
        switch content {
        case .null: break
        case .scalar(let text, _): body(self, isSecret || SecretLooks.isSecretAddress(text))
        case .sequence(let nodes): for node in nodes { node.visitScalars(keys, in: section, isSecret: isSecret, body) }
        case .mapping(let pairs):
            for pair in pairs {
                let section = section ?? pair.key
                let isSecret = isSecret || keys.names(in: section).isSecret(pair.key)
                pair.value.visitScalars(keys, in: section, isSecret: isSecret, body)
            }
        }
    }
}

extension OptionType {
    fileprivate var isNumber: Bool {
        switch self {
        case .integer, .number, .duration, .size: true
        default: false
        }
    }
}
