import JSON
import Testing

@testable import OpenClawTesting

struct TranscriptsTests {
    @Test func theNewestMessagesOfASessionAreKept() {
        var transcripts = Transcripts(provider: "fake", model: "echo")
        for number in 0...1000 { transcripts.appendUser("\(number)", to: "a", at: Int64(number)) }
        #expect(transcripts.messages("a").count == 1000)
        #expect(transcripts.messages("a").first?["content"]?[0]?["text"] == "1")
        #expect(transcripts.updatedAt("a") == 1000)
    }

    @Test func theSessionsThatChangedLastAreKept() {
        var transcripts = Transcripts(provider: nil, model: nil)
        for number in 0..<500 { transcripts.appendUser("x", to: "s\(number)", at: 0) }
        transcripts.appendUser("y", to: "s0", at: 1)
        transcripts.appendUser("x", to: "one more", at: 2)
        #expect(transcripts.keys.count == 500)
        #expect(transcripts.messages("s0").count == 2)
        #expect(transcripts.messages("s1").isEmpty)
    }

    @Test func clearingMakesANewSession() {
        var transcripts = Transcripts(provider: nil, model: nil)
        transcripts.appendUser("x", to: "a", at: 0)
        let id = transcripts.sessionID("a")
        transcripts.clear("a", at: 1)
        #expect(transcripts.messages("a").isEmpty)
        #expect(transcripts.sessionID("a") != id)
    }
}
