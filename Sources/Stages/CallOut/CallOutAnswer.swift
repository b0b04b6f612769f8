import MiddlewareKit

/// What is answered: to a message its verdict; to text of a reply what to show, and what of it to keep for the next time.
struct CallOutAnswer: Decodable, Sendable, Hashable {
    enum Verdict: String, Decodable, Sendable {
        case pass
        /// `text` is put in the place of a message's text.
        case replace
        /// The sender is told `message`.
        case reject
        /// The message goes on with `notes`.
        case annotate
    }

    var verdict: Verdict?
    var text: String?
    var keep: String?
    var code: String?
    var message: String?
    var notes: [String: String]?
    /// What went wrong there, in a few words for the log: nothing else is said about the message then.
    var error: String?
}

/// An answer that makes no sense.
struct CallOutProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension CallOutAnswer {
    /// - Throws: The rejection, or ``CallOutProblem``.
    func apply(to message: inout InboundMessage, _ context: inout MessageContext) throws {
        if try decided() == .replace {
            guard let text else { throw CallOutProblem("it answered `replace` without a `text`") }
            // A gateway takes no message that says nothing.
            guard !text.allSatisfy(\.isWhitespace) || !message.attachments.isEmpty else {
                throw CallOutProblem("it answered `replace` with an empty `text`; `reject` refuses a message")
            }
            message.text = text
        }
        note(in: &context)
    }

    /// - Throws: The rejection, or ``CallOutProblem``.
    func apply(to event: OutboundEvent, _ context: inout MessageContext) throws {
        guard try decided() != .replace else {
            throw CallOutProblem("it answered `replace` to an event, whose text cannot be replaced any more")
        }
        note(in: &context)
    }

    private func decided() throws -> Verdict {
        try requireNoError()
        guard let verdict else { throw CallOutProblem("it answered without a `verdict`") }
        guard verdict == .reject else { return verdict }
        guard let message, !message.isEmpty else {
            throw CallOutProblem("it answered `reject` without a `message` for the sender")
        }
        throw Rejection(code: code ?? "rejected", message: message)
    }

    /// - Throws: ``CallOutProblem``.
    func requireNoError() throws {
        if let error { throw CallOutProblem("it reports an error: \(error.prefix(200))") }
    }

    private func note(in context: inout MessageContext) {
        guard verdict == .annotate, let notes else { return }
        for (name, note) in notes { context.note(note, as: name) }
    }
}
