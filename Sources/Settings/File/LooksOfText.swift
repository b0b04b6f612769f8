/// What looks like YAML to people, and is something else to YAML.
enum LooksOfText {
    static let oddSpace = "a space in the indentation that is none of YAML's, such as a no-break space"
    static let oddSpaceHint = "delete it, and indent with the space bar"
    static let noSpaceAfterDash = "a space is missing after `-`"

    private static let opening: Set<Character> = ["“", "”", "„", "‟", "«", "»", "‘", "’", "‚", "‛", "‹", "›"]

    /// The quotes of a text processor that a value without other quotes stands in.
    static func typographicQuotes(around text: String) -> (Character, Character)? {
        guard text.count > 1, let first = text.first, let last = text.last, opening.contains(first),
            opening.contains(last), !text.dropFirst().dropLast().contains(where: opening.contains)
        else { return nil }
        return (first, last)
    }

    /// Whether a text begins with white space that is a letter like others to YAML.
    static func beginsWithOddSpace(_ text: some Collection<Unicode.Scalar>) -> Bool {
        text.first.map { !$0.isASCII && $0.properties.isWhitespace } ?? false
    }

    /// `-use`, which was to be an entry of a list.
    static func isEntry(_ key: String) -> Bool {
        key.hasPrefix("-") && key.unicodeScalars.dropFirst().first?.properties.isAlphabetic == true
    }

    static func hint(for entry: String) -> String { "write - \(entry.dropFirst()): …" }

    /// How many letters of a line, without its indentation, are a key whose `:` has no space behind it, as in `port:80`; nil: none.
    static func keyWithoutSpace(_ line: some Collection<Unicode.Scalar>) -> Int? {
        let key = line.prefix { $0.isASCII && ($0.properties.isAlphabetic || $0 == "-") }
        let rest = line.dropFirst(key.count)
        guard key.first?.properties.isAlphabetic == true, rest.first == ":", let next = rest.dropFirst().first,
            ![" ", "\t", "/", ":"].contains(next), !rest.dropFirst().contains(":")
        else { return nil }
        return key.count
    }
}
