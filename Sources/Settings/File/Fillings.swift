import MiddlewareKit

/// What the environment and other files put into a configuration, to take it out again of the words about it: they may be read by
/// more people than the values, and `${NAME}` tells whoever wrote the file more than what it stood for.
package struct Fillings: Sendable {
    /// As the file writes it, by what stands for it.
    private var written: [String: String] = [:]

    /// Shorter ones are replaced in backticks only: the `on` of a variable is no reason to tear words apart.
    private static let shortest = 6

    mutating func add(_ value: String, writtenAs text: String) {
        if !value.isEmpty, value != text { written[value] = text }
    }

    mutating func add(_ others: Fillings) { written.merge(others.written) { first, _ in first } }

    /// The text with `${NAME}` in place of what it stands for.
    package func hidden(in text: String) -> String {
        // The longest first: it may hold others.
        let order = written.sorted { ($0.key.utf8.count, $0.key) > ($1.key.utf8.count, $1.key) }
        return order.reduce(text) { text, filling in
            let text = text.replacing(quote(filling.key), with: quote(filling.value))
            return filling.key.count < Self.shortest ? text : text.replacing(filling.key, with: filling.value)
        }
    }
}
