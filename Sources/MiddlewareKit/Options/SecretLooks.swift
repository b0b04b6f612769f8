/// What looks like a secret where nobody said that there is one: behind a key that no option has, or in the arguments of a program.
package enum SecretLooks {
    private static let replacement = "<redacted>"
    private static let words = [
        "token", "password", "passwd", "passphrase", "secret", "credential", "authorization", "bearer", "apikey",
        "accesskey", "privatekey",
    ]

    /// Whether a key says that its value is secret, such as `api-key` or `Authorization`.
    package static func isSecretKey(_ key: String) -> Bool {
        let word = key.lowercased().filter { $0 != "-" && $0 != "_" }
        return words.contains(where: word.contains)
    }

    /// Whether a key may say so: there are keys of other kinds.
    package static func mayBeSecretKey(_ key: String) -> Bool {
        isSecretKey(key) || key.lowercased().split(whereSeparator: { $0 == "-" || $0 == "_" }).last == "key"
    }

    /// Whether a text looks like a URL with a user, a password or a query in it, where nobody should have written one.
    package static func isSecretAddress(_ text: String) -> Bool {
        text.contains("://") && (text.contains("@") || text.contains("?"))
    }

    /// A text without what stands behind `token=`, `--password ` and the like.
    package static func masked(_ text: String) -> String {
        if isSecretAddress(text) { return replacement }
        let scalars = Array(text.unicodeScalars)
        func skipSpace(_ index: inout Int) {
            while index < scalars.count, scalars[index].properties.isWhitespace { index += 1 }
        }
        var start = 0
        while start < scalars.count {
            var end = start
            while end < scalars.count, isPartOfKey(scalars[end]) { end += 1 }
            let word = String(String.UnicodeScalarView(scalars[start..<end]))
            if end < scalars.count, ["\"", "'"].contains(scalars[end]) { end += 1 }
            let isSpaced = end < scalars.count && scalars[end].properties.isWhitespace
            skipSpace(&end)
            let isNamed = end < scalars.count && ["=", ":"].contains(scalars[end])
            if isNamed { end += 1 }
            skipSpace(&end)
            let rest = scalars[end...]
            let isBefore = word.hasPrefix("-") || isNamed ? mayBeSecretKey(word) : word.lowercased() == "bearer"
            if isBefore, isSpaced || isNamed, !rest.isEmpty, rest.first != "=", !isNumber(rest) {
                return String(String.UnicodeScalarView(scalars[..<end])) + replacement
            }
            start = max(end, start + 1)
        }
        return text
    }

    /// The arguments of a program, likewise; what is the value of `--token` may be the argument behind it.
    package static func masked(_ arguments: [String]) -> [String] {
        var isValue = false
        return arguments.map { argument in
            let shown =
                isValue && !argument.hasPrefix("--") && !isNumber(Array(argument.unicodeScalars)[...])
                ? replacement : masked(argument)
            isValue = argument.hasPrefix("-") && !argument.contains("=") && mayBeSecretKey(argument)
            return shown
        }
    }

    private static func isPartOfKey(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar == "-" || scalar == "_")
    }

    /// `max-tokens: 500` says nothing secret.
    private static func isNumber(_ text: ArraySlice<Unicode.Scalar>) -> Bool {
        text.count < 10 && Double(String(String.UnicodeScalarView(text))) != nil
    }
}
