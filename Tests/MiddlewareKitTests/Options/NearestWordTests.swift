import Testing

@testable import MiddlewareKit

@Suite struct NearestWordTests {
    @Test(arguments: [
        ("prot", "port"), ("por", "port"), ("Port", "port"), ("max_message_size", "max-message-size"),
        ("maxMessageSize", "max-message-size"), ("hosst", "host"),
    ])
    func finds(_ word: String, _ expected: String) {
        #expect(nearestWord(to: word, in: ["host", "port", "max-message-size"]) == expected)
    }

    @Test func findsTheWordThatItBeginsIfThereIsOne() {
        #expect(nearestWord(to: "warn", in: ["debug", "warning"]) == "warning")
        #expect(nearestWord(to: "wa", in: ["debug", "warning"]) == nil)
        #expect(nearestWord(to: "session", in: ["session.created", "session.deleted"]) == nil)
    }

    @Test(arguments: ["colour", "", "pxyt", String(repeating: "port", count: 100_000)])
    func findsNothing(_ word: String) {
        #expect(nearestWord(to: word, in: ["host", "port"]) == nil)
    }

    @Test(arguments: [
        ("", "", 0), ("abc", "", 3), ("", "abc", 3), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abc", "abc", 0),
    ])
    func distance(_ a: String, _ b: String, _ distance: Int) {
        #expect(editDistance(Array(a), Array(b)) == distance)
    }
}
