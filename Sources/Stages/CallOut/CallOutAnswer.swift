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
            guard let text = text.map(Self.withoutControls) else {
                throw CallOutProblem("it answered `replace` without a `text`")
            }
            // A gateway takes no message that says nothing.
            guard !text.allSatisfy(\.isWhitespace) || !message.attachments.isEmpty else {
                throw CallOutProblem("it answered `replace` with an empty `text`; `reject` refuses a message")
            }
            message.text = text
        }
        note(in: &context)
    }

    /// As what browsers send: gateways take control characters out of messages, and refuse some.
    private static func withoutControls(_ text: String) -> String {
        func isDropped(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.generalCategory == .control && !["\t", "\n", "\r"].contains(scalar)
        }
        guard text.unicodeScalars.contains(where: isDropped) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { !isDropped($0) }))
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
        let code = code ?? "rejected"
        guard Self.isCode(code) else {
            throw CallOutProblem(
                "it answered `reject` with a `code` that is none: 1 to \(Self.longestCode) letters, digits, `_`, `-` and `.`"
            )
        }
        throw Rejection(code: code, message: message)
    }

    private static let longestCode = 64

    /// Programs read it, and it names figures: it is a word, not a text.
    private static func isCode(_ text: String) -> Bool {
        (1...longestCode).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
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
