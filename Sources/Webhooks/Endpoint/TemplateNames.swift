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
