import Foundation

/// Whether a Mustache template calls a function that there is not; it would give an empty text.
func callsUnknownFunction(_ template: String) -> Bool {
    template.matches(of: /\{\{([^{}]*)\}\}/).contains { match in
        guard let first = match.1.first(where: { !$0.isWhitespace }), !"!>%=<$".contains(first) else { return false }
        let parts = match.1.split(separator: "(", omittingEmptySubsequences: false)
        return zip(parts, parts.dropFirst()).contains { part, next in
            let name = part.trimmingCharacters(in: .init(charactersIn: "#^/& \t\r\n"))
            return !(next.hasPrefix(")") ? placeFunctions : valueFunctions).contains(name)
        }
    }
}

/// What templates can call, for people.
let templateFunctions = (valueFunctions + placeFunctions.map { $0 + "()" }).joined(separator: ", ")

/// What the template library can make of texts, lists and numbers. Of lists with entries of any kind it makes no sorted ones.
private let valueFunctions = [
    "capitalized", "lowercased", "uppercased", "reversed", "first", "last", "count", "empty", "even", "odd",
    "equalzero", "plusone", "minusone",
]

/// What it knows of the place in a list.
private let placeFunctions = ["first", "last", "index", "even", "odd"]

/// The names of values in a Mustache template, in order: of `{{#data}}{{user.name}}{{/data}}` they are data, user.name and data.
///
/// What stands for no value of its own, such as `{{.}}` or a comment, is left out; of `{{uppercased(text)}}` it is text.
package func templateNames(in template: String) -> [String] {
    template.matches(of: /\{\{\{?([^{}]*)\}\}/).compactMap { match in
        let tag = match.1.drop { $0.isWhitespace }
        guard let first = tag.first, !"!>%=<$".contains(first) else { return nil }
        let inner = tag.split(separator: "(").last.map { $0.prefix { $0 != ")" } } ?? ""
        let name = inner.drop { "#^/&".contains($0) || $0.isWhitespace }.prefix { !$0.isWhitespace }
        return name.isEmpty || name == "." || tag.contains("()") ? nil : String(name)
    }
}
