import Mustache
import Webhooks

/// A Mustache template for plain text: nothing is escaped, no other file is read.
struct TextTemplate: Sendable {
    private let template: MustacheTemplate

    /// - Throws: ``TemplateProblem``.
    init(_ text: String) throws(TemplateProblem) {
        guard !MustacheTemplate.isTooDeep(text) else { throw TemplateProblem(words: MustacheTemplate.tooDeep) }
        do {
            template = try MustacheTemplate(string: "{{% CONTENT_TYPE:TEXT}}\n" + text)
        } catch {
            throw TemplateProblem(words: MustacheTemplate.problem(error, linesAbove: 1))
        }
        guard !text.contains("{{>"), !text.contains("{{<") else {
            throw TemplateProblem(words: "must not include other templates ({{> }})")
        }
    }

    /// - Parameter values: An empty one is not there, for sections: Mustache takes an empty text for something.
    func render(_ values: [String: String]) -> String { template.render(values.filter { !$0.value.isEmpty }) }

    /// What is wrong with a template, to stand after its key.
    static func problem(of text: String) -> String? {
        do throws(TemplateProblem) {
            _ = try TextTemplate(text)
            return nil
        } catch {
            return error.words
        }
    }
}

/// A template for text that streams: what stands before `{{text}}`, and what stands behind it.
struct ReplyTemplate: Sendable {
    let before: TextTemplate
    let after: TextTemplate

    /// - Throws: ``TemplateProblem``, also when `{{text}}` does not stand there once, outside of sections.
    init(_ text: String) throws(TemplateProblem) {
        let parts = text.split(separator: /\{\{\{?\s*text\s*\}?\}\}/, omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw TemplateProblem(words: "must have {{text}} in it, once") }
        do throws(TemplateProblem) {
            before = try TextTemplate(String(parts[0]))
            after = try TextTemplate(String(parts[1]))
        } catch {
            throw TemplateProblem(words: "\(error.words) ({{text}} must not stand in a section)")
        }
    }

    /// What is wrong with a template, to stand after its key.
    static func problem(of text: String) -> String? {
        do throws(TemplateProblem) {
            _ = try ReplyTemplate(text)
            return nil
        } catch {
            return error.words
        }
    }
}

struct TemplateProblem: Error, Sendable {
    let words: String
}
