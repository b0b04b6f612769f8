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
        /// A failure is one of this question only.
        var content: Result<CallOutAnswer, CallOutProblem>

        init(id: Int, content: CallOutAnswer = CallOutAnswer()) {
            self.id = id
            self.content = .success(content)
        }

        private enum Key: String, CodingKey { case id }

        init(from decoder: any Decoder) throws {
            id = try decoder.container(keyedBy: Key.self).decode(Int.self, forKey: .id)
            do {
                content = .success(try CallOutAnswer(from: decoder))
            } catch {
                content = .failure(CallOutProblem(CallOutAnswer.problem(error) ?? "it makes no sense"))
            }
        }
    }

    static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }

    /// - Parameter secrets: What must not be shown of a line that makes no sense.
    /// - Throws: ``ProgramFailure``.
    static func hello(_ line: Data, hiding secrets: [String]) throws -> Hello {
        do {
            return try JSONDecoder().decode(Hello.self, from: line)
        } catch {
            throw ProgramFailure(
                "the program's first line is no hello: " + problem(error, with: line, hiding: secrets))
        }
    }

    /// - Parameter secrets: What must not be shown of a line that makes no sense.
    /// - Throws: ``ProgramFailure`` when it is not known what is answered.
    static func answer(_ line: Data, hiding secrets: [String]) throws -> Answer {
        do {
            var answer = try JSONDecoder().decode(Answer.self, from: line)
            answer.content = answer.content.mapError { problem in
                // Without the line: the text of the message may stand there.
                CallOutProblem("its answer is wrong: \(problem)")
            }
            return answer
        } catch {
            throw ProgramFailure(
                "the program wrote a line that is no answer: " + problem(error, with: line, hiding: secrets))
        }
    }

    private static func problem(_ error: any Error, with line: Data, hiding secrets: [String]) -> String {
        let advice = "standard output is for the protocol, write to standard error for the log"
        return "\(CallOutAnswer.problem(error) ?? advice): \(shown(line, hiding: secrets))"
    }

    /// The beginning of a line, for the log.
    static func shown(_ line: Data, hiding secrets: [String]) -> String {
        // A secret at the cut would be shown in part.
        let longest = secrets.map(\.utf8.count).max() ?? 0
        let text = ProgramLog.hiding(secrets, in: String(decoding: line.prefix(shownBytes + longest), as: UTF8.self))
        let isCut = text.utf8.count > shownBytes
        return "“\(isCut ? String(decoding: text.utf8.prefix(shownBytes), as: UTF8.self) + "…" : text)”"
    }

    private static let shownBytes = 160
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
