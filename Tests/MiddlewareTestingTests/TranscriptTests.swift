import MiddlewareKit
import MiddlewareTesting
import Testing

@Suite struct TranscriptTests {
    private static let lines = #"""
        {"type":"inbound","kind":"chat","gateway":"home","session":"agent:main:web","run":"r1","user":"ada","groups":["staff"],"ip":"10.0.0.1","at":1767225600000,"text":"Hello"}

        {"type":"delta","gateway":"home","session":"agent:main:web","run":"r1","user":"ada","text":"wrong"}
        {"type":"delta","gateway":"home","session":"agent:main:web","run":"r1","user":"ada","replace":true,"text":"It is "}
        {"type":"outbound","kind":"final","gateway":"home","session":"agent:main:web","run":"r1","user":"ada","blocks":["{\"thinking\":\"hm\",\"type\":\"thinking\"}","{\"type\":\"image\"}"],"text":"It is 4."}
        {"type":"outbound","kind":"error","gateway":"home","session":"agent:main:web","run":"r2","detail":"too busy","text":""}
        """#

    /// Says "!" behind messages and replies, and refuses what is rude.
    private struct Loud: Middleware {
        func inbound(_ message: InboundMessage, context: MessageContext, next: Next<InboundMessage>) async throws {
            guard message.text != "rude" else { throw Rejection(code: "rude", message: "No.") }
            var message = message
            message.text += "!"
            try await next(message, context)
        }

        func makeReplyTransform(for run: Run) -> ReplyTransformKind? { .immediate(Shouts()) }
    }

    @Test func linesAreReadAndWritten() throws {
        let transcript = try Transcript(parsing: Self.lines)
        #expect(transcript.entries.count == 5)
        #expect(try Transcript(parsing: transcript.text) == transcript)
        let chat = try #require(transcript.entries[0].message)
        #expect(chat.kind == .chat && chat.text == "Hello" && chat.runID == "r1" && chat.sessionKey == "agent:main:web")
        let context = transcript.entries[0].context(id: "m")
        #expect(context.principal == Principal(user: "ada", groups: ["staff"]))
        #expect(context.connection?.remoteAddress == "10.0.0.1")
        #expect(transcript.entries[1].change == .append("wrong"))
        #expect(transcript.entries[2].change == .replace("It is "))
        let final = try #require(transcript.entries[3].event)
        #expect(final.kind == .final && final.text == "It is 4." && final.run.agent == "main")
        #expect(final.blocks == [.thinking("hm"), .other(json: #"{"type":"image"}"#)])
        #expect(transcript.entries[4].event?.detail == "too busy")
        // What is made of a message says the same of it.
        #expect(Transcript.Entry(final, transcript.entries[3].context(id: "m")).event?.blocks == final.blocks)
    }

    @Test(arguments: [
        ("nonsense", "it is no JSON object"), ("[]", "it is no JSON object"),
        (#"{"type":"inbound","kind":"chat","text":""}"#, "the member `gateway` is missing"),
        (#"{"type":"inbound","kind":"chat","gateway":"g","text":1}"#, "the member `text` has the wrong type"),
        (#"{"type":"other","gateway":"g","text":""}"#, "`type` must be one of `inbound`, `delta`, `outbound`"),
        (#"{"type":"outbound","kind":"chat","gateway":"g","text":""}"#, "`kind` must be one of `final`, `aborted`, "),
        (#"{"type":"delta","gateway":"g","text":""}"#, "a line of a reply needs `run` and `session`"),
    ])
    func whatCannotBeReadIsSaidWithItsLine(line: String, words: String) {
        let error = #expect(throws: Transcript.Unreadable.self) { try Transcript(parsing: "\n" + line) }
        #expect(error?.line == 2)
        #expect(error?.description.hasPrefix(words) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#""at":9223372036854775807"#, "`at` must be milliseconds since 1970"),
        (#""at":-9223372036854775808"#, "`at` must be milliseconds since 1970"), (#""at":-1"#, "`at` must be "),
        (#""at":99999999999999999999"#, "`at` must be "), (#""at":1.5"#, "`at` must be "),
        (#""ip":"300.0.0.1""#, "`ip` must be an address such as 192.168.1.5 or ::1, not `300.0.0.1`"),
        (#""user":"\ud800""#, "a text in it holds what no text can hold"),
        (#""blocks":["nojson"]"#, "`blocks` must be JSON objects as texts"),
        (#""blocks":["[1]"]"#, "`blocks` must be "),
        (#""usr":"ada""#, "there is no member `usr`; did you mean `user`?"),
        (#""colour":1"#, "there is no member `colour`; known are `type`, `kind`, "),
    ])
    func membersMustBeWhatTheyAreCalled(member: String, words: String) {
        let line = #"{"type":"inbound","kind":"chat","gateway":"home","text":"","# + member + "}"
        let error = #expect(throws: Transcript.Unreadable.self) { try Transcript(parsing: "\n" + line) }
        #expect(error?.line == 2)
        #expect(error?.description.hasPrefix(words) == true, "\(error?.description ?? "")")
    }

    @Test func aReplyIsForTheUserOfItsMessage() throws {
        let text = #"""
            {"type":"inbound","kind":"chat","gateway":"g","session":"agent:main:a","run":"r","user":"ada","text":"Hi"}
            {"type":"outbound","kind":"final","gateway":"g","session":"agent:main:a","run":"r","text":"Hello"}
            {"type":"outbound","kind":"final","gateway":"g","session":"agent:main:a","run":"other","text":"Hello"}
            """#
        let entries = try Transcript(parsing: text).entries
        #expect(entries.map(\.user) == ["ada", "ada", nil])
        #expect(entries[1].event?.run.user == "ada")
    }

    /// An administrator stops what somebody else has begun: the reply stays that of its message.
    @Test func whoStopsARunIsNotWhoseItIs() async throws {
        let text = #"""
            {"type":"inbound","kind":"chat","gateway":"g","session":"agent:main:a","run":"r","user":"ada","text":"Hi"}
            {"type":"inbound","kind":"abort","gateway":"g","session":"agent:main:a","run":"r","user":"eve","text":""}
            {"type":"outbound","kind":"aborted","gateway":"g","session":"agent:main:a","run":"r","text":"Hel"}
            """#
        let transcript = try Transcript(parsing: text)
        #expect(transcript.entries.map(\.user) == ["ada", "eve", "ada"])
        #expect(try await transcript.played(through: PassThrough()).entries.map(\.user) == ["ada", "eve", "ada"])
    }

    @Test func aTranscriptIsPlayedThroughAStage() async throws {
        let played = try await Transcript(parsing: Self.lines).played(through: Loud())
        #expect(played.entries.map(\.text) == ["Hello!", "WRONG", "IT IS ", "IT IS 4.!", "!"])
        #expect(played.entries.map(\.replace) == [nil, nil, true, nil, nil])
        #expect(played.entries[0].at == 1_767_225_600_000)
        // What it refuses does not come out.
        var rude = Transcript.Entry(type: .inbound, kind: "chat", gateway: "home", text: "rude")
        rude.run = "r3"
        #expect(try await Transcript([rude]).played(through: Loud()).entries == [])
    }

    @Test func transcriptsAreCompared() async throws {
        let input = try Transcript(parsing: Self.lines)
        let played = try await input.played(through: PassThrough())
        #expect(played.differences(from: input) == [])
        var other = played
        other.entries[0].text = "Hi"
        other.entries[0].at = 0
        other.entries.removeLast()
        let differences = other.differences(from: played)
        #expect(differences.count == 2)
        #expect(differences[0].hasPrefix("1: {") && differences[0].contains(#""text":"Hi""#))
        #expect(differences[1].hasPrefix("5: nothing instead of {"))
    }
}
