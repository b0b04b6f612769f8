import Foundation
import MiddlewareKit

/// The lines between Sluice and a program: one JSON object each. docs/stages/process.md has the same for authors of programs.
enum ProgramProtocol {
    /// The longest line that is read, in bytes.
    static let maxLine = 16 << 20

    /// What Sluice says first.
    struct Greeting: Encodable {
        var type = "hello"
        var `protocol` = CallOutQuestion.version
        var stage: String
        var settings: [String: String]
    }

    /// What a program answers to the greeting.
    struct Hello: Decodable, Sendable, Hashable {
        struct Handles: Decodable, Sendable, Hashable {
            var inbound: [String]?
            var outbound: [String]?
            var reply: Bool?
        }

        var `protocol`: Int
        var handles: Handles
    }

    /// A question; the answer carries the same `id`.
    struct Question: Encodable {
        var id: Int
        var content: CallOutQuestion

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CallOutQuestion.Key.self)
            try container.encode(id, forKey: .id)
            try content.encode(to: &container)
        }
    }

    struct Answer: Decodable, Sendable {
        var id: Int
        var content: CallOutAnswer

        init(id: Int, content: CallOutAnswer = CallOutAnswer()) {
            self.id = id
            self.content = content
        }

        private enum Key: String, CodingKey { case id }

        init(from decoder: any Decoder) throws {
            id = try decoder.container(keyedBy: Key.self).decode(Int.self, forKey: .id)
            content = try CallOutAnswer(from: decoder)
        }
    }

    static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }

    /// - Throws: ``ProgramFailure``.
    static func hello(_ line: String) throws -> Hello {
        guard let hello = try? JSONDecoder().decode(Hello.self, from: Data(line.utf8)) else {
            throw ProgramFailure("the program's first line is no hello; \(advice)")
        }
        return hello
    }

    /// - Throws: ``ProgramFailure``.
    static func answer(_ line: String) throws -> Answer {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(line.utf8)) else {
            throw ProgramFailure("the program wrote a line that is no answer; \(advice)")
        }
        return answer
    }

    private static let advice = "standard output is for the protocol, write to standard error for the log"
}

extension ProgramProtocol.Hello {
    /// - Throws: ``ProgramFailure`` when the program speaks another version, or names kinds that there are not.
    func paths() throws -> StagePaths {
        guard `protocol` == CallOutQuestion.version else {
            throw ProgramFailure(
                """
                the program speaks version \(`protocol`) of the protocol, and this Sluice version \
                \(CallOutQuestion.version)
                """)
        }
        return StagePaths(
            inbound: Set(try kinds(handles.inbound, of: MessageKind.self)),
            outbound: Set(try kinds(handles.outbound, of: EventKind.self)), replyText: handles.reply ?? false)
    }

    private func kinds<Kind: RawRepresentable<String> & CaseIterable>(
        _ words: [String]?, of type: Kind.Type
    ) throws -> [Kind] {
        try (words ?? []).map { word in
            guard let kind = Kind(rawValue: word) else {
                let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw ProgramFailure("the program wants to handle `\(word)`; known are \(known)")
            }
            return kind
        }
    }
}
