import JSON
package import MiddlewareKit
import Mustache

/// A Mustache template that makes the body of a call from an event. Values are escaped as in a JSON string.
package struct BodyTemplate: OptionValue {
    private let text: String
    private let template: MustacheTemplate

    /// What is wrong with a template, to stand after the word "it".
    package struct Problem: Error {
        package let words: String
    }

    package init(_ text: String) throws(Problem) {
        // The first ones need a library of templates, which there is not. The last ones put a value in unescaped, or can: what
        // users write, and the keys of their sessions, could change the body.
        for tag in ["{{>", "{{<", "{{$", "{{%", "{{{", "{{&", "{{="] where text.contains(tag) {
            throw Problem(words: "must not use \(tag)")
        }
        guard !MustacheTemplate.isTooDeep(text) else { throw Problem(words: MustacheTemplate.tooDeep) }
        JSONText.register()
        do {
            template = try MustacheTemplate(string: "{{% CONTENT_TYPE:JSON}}" + text)
        } catch {
            throw Problem(words: MustacheTemplate.problem(error))
        }
        self.text = text
        guard !callsUnknownFunction(text) else {
            throw Problem(words: "uses a function that there is not; known are \(templateFunctions)")
        }
        let shown = render(TemplateSamples.marked)
        for container in TemplateSamples.containers where shown.contains(container.printedMark) {
            throw Problem(
                words: "puts in \(container.words), which is no text, number or boolean; name a member of it, such as "
                    + container.member)
        }
        for sample in TemplateSamples.all where (try? JSONValue(parsing: render(sample.event))) == nil {
            throw Problem(
                words: "does not give JSON \(sample.words); put {{values}} between quotes, or use "
                    + "{{#value}}{{.}}{{/value}}{{^value}}null{{/value}}")
        }
    }

    func render(_ event: JSONValue) -> String { template.render(event.plain) }

    package static var optionType: OptionType { .string }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> BodyTemplate? {
        guard let text = String.read(node, findings: &findings) else { return nil }
        do throws(Problem) {
            let template = try BodyTemplate(text)
            var unknown: [String] = []
            for name in templateNames(in: text).flatMap({ $0.split(separator: ".") }).map(String.init)
            where !TemplateSamples.names.contains(name) && !unknown.contains(name) {
                unknown.append(name)
            }
            // Those that were stored by another version must be read all the same, so it is no error.
            for unknown in unknown where !node.isFromEnvironment {
                let nearest = nearestWord(to: unknown, in: TemplateSamples.names).map { "did you mean `\($0)`?" }
                findings.warning(
                    at: node.position, "\(node.label) names \(quote(unknown)), which no event has",
                    hint: nearest ?? "see the event in docs/webhooks.md")
            }
            return template
        } catch {
            findings.error(at: node.position, "\(node.label) \(error.words)")
            return nil
        }
    }

    package var optionText: String { text.optionText }
}

/// Escapes values as the inside of a JSON string.
private struct JSONText: MustacheContentType {
    func escapeText(_ text: String) -> String { String(JSONValue.string(text).encoded().dropFirst().dropLast()) }

    static func register() { MustacheContentTypes.register(JSONText(), named: "JSON") }
}

extension JSONValue {
    /// As the template library reads it. A null is no value: its section is left out.
    fileprivate var plain: Any {
        switch self {
        case .null: String?.none as Any
        case .bool(let value): value
        case .integer(let value): value
        case .number(let value): value
        case .string(let value): value
        case .array(let values): values.map(\.plain)
        case .object(let object):
            Dictionary(uniqueKeysWithValues: object.compactMap { $1.isNull ? nil : ($0, $1.plain) })
        }
    }
}
