import Foundation
import MiddlewareKit

/// What was said, message by message, as JSON lines: to be kept as a file, played through a stage or a chain, and compared.
///
/// docs/replay.md describes the format.
public struct Transcript: Sendable, Hashable {
    /// One line. Each has the members of its type.
    public struct Entry: Sendable, Hashable, Codable {
        public enum EntryType: String, Sendable, Hashable, Codable, CaseIterable {
            /// A message from a browser.
            case inbound
            /// A piece of a reply.
            case delta
            /// A whole event of a run.
            case outbound
        }

        public var type: EntryType
        /// The word of a ``MessageKind`` or an ``EventKind``; nil for a delta.
        public var kind: String?
        /// When it happened, in milliseconds since 1970.
        public var at: Int64?
        public var gateway: String
        /// The canonical session key.
        public var session: String?
        public var run: String?
        /// Who sent the message, or the message that started the run; nil: nobody in particular.
        public var user: String?
        public var groups: [String]?
        /// The address of the browser.
        public var ip: String?
        /// The text of the message, of the piece, or of the whole reply.
        public var text: String
        /// For a delta: the text so far is void.
        public var replace: Bool?
        /// For an event: the gateway's words for what failed.
        public var detail: String?
        /// For an event: the parts of the answer beside its text, as JSON objects; thinking is `{"type":"thinking","thinking":"…"}`.
        public var blocks: [String]?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case type, kind, at, gateway, session, run, user, groups, ip, text, replace, detail, blocks
        }

        public init(type: EntryType, kind: String? = nil, gateway: String, text: String) {
            self.type = type
            self.kind = kind
            self.gateway = gateway
            self.text = text
        }
    }

    /// A line that cannot be read.
    public struct Unreadable: Error, CustomStringConvertible {
        /// Counted from 1.
        public let line: Int
        public let description: String
    }

    public var entries: [Entry]

    public init(_ entries: [Entry] = []) { self.entries = entries }

    /// Reads JSON lines; empty ones are passed over. A line of a reply that names no user has that of the message of its run.
    /// - Throws: ``Unreadable`` for the first line that makes no sense.
    public init(parsing text: String) throws(Unreadable) {
        entries = []
        var users: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard line.contains(where: { !$0.isWhitespace }) else { continue }
            do {
                var entry = try Entry(parsing: String(line))
                if let run = entry.run {
                    // Whoever stops a run has not started it.
                    if entry.startsRun { users[run] = entry.user }
                    if entry.type != .inbound { entry.user = entry.user ?? users[run] }
                }
                entries.append(entry)
            } catch {
                throw Unreadable(line: index + 1, description: error.description)
            }
        }
    }

    /// The JSON lines.
    public var text: String { entries.map { $0.line + "\n" }.joined() }

    /// What is not the same in another transcript, in words with the number of the entry; empty when nothing is. When things
    /// happened makes no difference.
    public func differences(from expected: Transcript) -> [String] {
        var words: [String] = []
        for index in 0..<max(entries.count, expected.entries.count) {
            var (old, new) = (expected.entries[safe: index], entries[safe: index])
            old?.at = nil
            new?.at = nil
            switch (old, new) {
            case (let old?, let new?) where old != new: words.append("\(index + 1): \(new.line) instead of \(old.line)")
            case (let old?, nil): words.append("\(index + 1): nothing instead of \(old.line)")
            case (nil, let new?): words.append("\(index + 1): \(new.line) instead of nothing")
            default: break
            }
        }
        return words
    }
}

extension Transcript.Entry {
    /// The message of a run.
    package var startsRun: Bool { type == .inbound && kind == MessageKind.chat.rawValue }

    /// Whoever calculates with them must have room for it.
    private static let times: ClosedRange<Int64> = 0...253_402_300_799_999

    private static let noTime = Problem(
        description: "`at` must be milliseconds since 1970, and before the year 10000")

    private struct TimeAlone: Decodable { let at: Int64? }

    /// The keys of a JSON object, whatever they hold.
    private struct MemberNames: Decodable, Sequence {
        private struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        private let names: [String]

        init(from decoder: any Decoder) throws {
            names = try decoder.container(keyedBy: Name.self).allKeys.map(\.stringValue).sorted()
        }

        func makeIterator() -> [String].Iterator { names.makeIterator() }
    }

    fileprivate struct Problem: Error, CustomStringConvertible { let description: String }

    fileprivate init(parsing line: String) throws(Problem) {
        var isObject = false
        do {
            let data = Data(line.utf8)
            let known = CodingKeys.allCases.map(\.rawValue)
            if let name = try JSONDecoder().decode(MemberNames.self, from: data).first(where: { !known.contains($0) }) {
                let hint = nearestWord(to: name, in: known).map { "did you mean `\($0)`?" }
                throw Problem(
                    description: "there is no member \(quote(name)); \(hint ?? "known are \(words(known))")")
            }
            isObject = true
            self = try JSONDecoder().decode(Self.self, from: data)
        } catch let problem as Problem {
            throw problem
        } catch DecodingError.keyNotFound(let key, _) {
            throw Problem(description: "the member `\(key.stringValue)` is missing")
        } catch DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty {
            throw Problem(description: "the member `\(context.codingPath[0].stringValue)` has the wrong type")
        } catch DecodingError.dataCorrupted(let context) where context.codingPath.first?.stringValue == "type" {
            throw Problem(description: "`type` must be one of \(words(EntryType.allCases.map(\.rawValue)))")
        } catch DecodingError.dataCorrupted where isObject {
            // It is not told which member it is; this is the only number.
            guard (try? JSONDecoder().decode(TimeAlone.self, from: Data(line.utf8))) != nil else { throw Self.noTime }
            throw Problem(description: "a text in it holds what no text can hold, such as half of a surrogate pair")
        } catch {
            throw Problem(description: "it is no JSON object")
        }
        let kinds: [String] =
            switch type {
            case .inbound: MessageKind.allCases.map(\.rawValue)
            case .outbound: EventKind.allCases.map(\.rawValue)
            case .delta: []
            }
        if !kinds.isEmpty, !kinds.contains(kind ?? "") {
            throw Problem(description: "`kind` must be one of \(words(kinds))")
        }
        if type != .inbound, run == nil || session == nil {
            throw Problem(description: "a line of a reply needs `run` and `session`")
        }
        if let at, !Self.times.contains(at) { throw Self.noTime }
        if (blocks ?? []).contains(where: { (try? JSONDecoder().decode(MemberNames.self, from: Data($0.utf8))) == nil })
        {
            throw Problem(description: #"`blocks` must be JSON objects as texts, such as "{\"type\":\"image\"}""#)
        }
        if let ip, IPAddress(peer: ip) == nil {
            throw Problem(description: "`ip` must be an address such as 192.168.1.5 or ::1, not \(quote(ip))")
        }
    }

    fileprivate var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Strings and numbers: there is nothing in it that JSON cannot say.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

private func words(_ list: [String]) -> String { list.map { "`\($0)`" }.joined(separator: ", ") }

extension Array {
    fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
