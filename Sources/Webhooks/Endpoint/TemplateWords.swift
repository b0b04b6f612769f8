package import Mustache

extension MustacheTemplate {
    /// The library calls itself for each section within a section.
    private static let maxDepth = 32

    /// Whether sections stand within sections so often that the template must not be parsed.
    package static func isTooDeep(_ text: String) -> Bool {
        var depth = 0
        for tag in text.matches(of: /\{\{\s*([#^$<\/])/) {
            depth += tag.1 == "/" ? -1 : 1
            if depth > maxDepth { return true }
        }
        return false
    }

    /// To stand after "it".
    package static let tooDeep = "has more than \(maxDepth) sections within one another"

    /// What is wrong with a template that could not be parsed, to stand after "it".
    /// - Parameter linesAbove: How many lines of the text were put above the template.
    package static func problem(_ error: any Swift.Error, linesAbove: Int = 0) -> String {
        guard let error = error as? ParserError else { return "is no Mustache template: a tag is not closed" }
        let words =
            switch error.error as? Error {
            case .sectionCloseNameIncorrect: "a {{/name}} closes another section than was opened last"
            case .unfinishedName: "a tag holds more than one name, or is not closed with }}"
            case .expectedSectionEnd: "a section is not closed with {{/name}}"
            case .invalidSetDelimiter: "the tag that changes the braces is not right"
            default: "a tag cannot be read"
            }
        return "is no Mustache template: \(words), in line \(max(1, error.context.lineNumber - linesAbove))"
    }
}
