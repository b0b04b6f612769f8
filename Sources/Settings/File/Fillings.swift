import MiddlewareKit

/// What the environment and other files put into a configuration, to take it out again of the words about it: they may be read by
/// more people than the values, and `${NAME}` tells whoever wrote the file more than what it stood for.
///
/// Words do not tell where they come from. So what reads like any other word stays, unless it stands in backticks as values do, or
/// is secret; and so do the words that findings use themselves, such as `stages`.
package struct Fillings: Sendable {
    private struct Source {
        /// As the file writes it.
        let written: String
        var isSecret: Bool
    }

    /// By what stands for it.
    private var sources: [String: Source] = [:]
    /// The keys and words that a configuration is written with.
    var ownWords: Set<String> = []

    /// Shorter ones are replaced in backticks only: the `on` of a variable is no reason to tear words apart.
    private static let shortest = 6

    mutating func add(_ value: String, writtenAs text: String, isSecret: Bool = false) {
        guard !value.isEmpty, value != text else { return }
        let wasSecret = sources[value]?.isSecret ?? false
        sources[value] = Source(written: text, isSecret: isSecret || wasSecret)
    }

    mutating func add(_ others: Fillings) {
        sources.merge(others.sources) { Source(written: $0.written, isSecret: $0.isSecret || $1.isSecret) }
    }

    /// Remembers what stands for secrets in a tree.
    mutating func noteSecrets(in tree: ConfigNode, _ keys: SecretKeys) {
        tree.visitScalars(keys) { node, isSecret in
            guard isSecret, node.isFromEnvironment, let text = node.scalar, let written = node.written else { return }
            for (value, source) in sources where text.contains(value) && written.contains(source.written) {
                sources[value]?.isSecret = true
            }
        }
    }

    /// The text with `${NAME}` in place of what it stands for.
    package func hidden(in text: String) -> String {
        // Few are in a text, if any. The longest first: it may hold others.
        let order = sources.filter { value, _ in
            !ownWords.contains(value) && (text.contains(value) || text.contains(quote(value)))
        }.sorted { ($0.key.utf8.count, $0.key) > ($1.key.utf8.count, $1.key) }
        guard !order.isEmpty else { return text }
        var result = ""
        var rest = text[...]
        // What was put in is not looked at again.
        while let next = rest.first {
            let found = order.lazy.compactMap { value, source in
                match(value, source, at: rest, behind: result.last)
            }.first
            result += found?.new ?? String(next)
            rest = rest.dropFirst(found?.old.count ?? 1)
        }
        return result
    }

    private func match(
        _ value: String, _ source: Source, at rest: Substring, behind last: Character?
    ) -> (old: String, new: String)? {
        let quoted = quote(value)
        if rest.hasPrefix(quoted) { return (quoted, quote(source.written)) }
        guard value.count >= Self.shortest, rest.hasPrefix(value) else { return nil }
        if Self.isOrdinary(value) {
            let neighbours = [last, rest.dropFirst(value.count).first]
            guard source.isSecret, !neighbours.contains(where: { $0?.isLetter ?? false }) else { return nil }
        }
        return (value, source.written)
    }

    /// Whether it reads like any other word.
    private static func isOrdinary(_ value: String) -> Bool {
        value.allSatisfy { $0.isASCII && $0.isLetter } && value.dropFirst().allSatisfy(\.isLowercase)
    }
}
