import MiddlewareKit

/// What becomes of a message, as a stage outside of the server decides.
struct Verdict: Decodable, Sendable, Hashable {
    enum Word: String, Decodable, Sendable {
        case pass
        /// `text` is put in the place of a message's text.
        case replace
        /// The sender is told `message`.
        case reject
        /// The message goes on with `notes`.
        case annotate
    }

    var verdict: Word
    var text: String?
    var code: String?
    var message: String?
    var notes: [String: String]?
}

/// An answer from outside that makes no sense.
struct VerdictProblem: Error, CustomStringConvertible {
    let description: String
}

extension Verdict {
    /// - Throws: The rejection, or ``VerdictProblem``.
    func apply(to message: inout InboundMessage, _ context: inout MessageContext) throws {
        if let rejection = try rejection() { throw rejection }
        if verdict == .replace {
            guard let text else { throw VerdictProblem(description: "it answered `replace` without a `text`") }
            message.text = text
        }
        note(in: &context)
    }

    /// - Throws: The rejection, or ``VerdictProblem``.
    func apply(to event: OutboundEvent, _ context: inout MessageContext) throws {
        if let rejection = try rejection() { throw rejection }
        guard verdict != .replace else {
            throw VerdictProblem(
                description: "it answered `replace` to an event, whose text cannot be replaced any more")
        }
        note(in: &context)
    }

    private func rejection() throws -> Rejection? {
        guard verdict == .reject else { return nil }
        guard let message, !message.isEmpty else {
            throw VerdictProblem(description: "it answered `reject` without a `message` for the sender")
        }
        return Rejection(code: code ?? "rejected", message: message)
    }

    private func note(in context: inout MessageContext) {
        guard verdict == .annotate, let notes else { return }
        for (name, note) in notes { context.note(note, as: name) }
    }
}
