import OpenClawTesting
import Testing

struct FakeReplyTests {
    private func text(_ steps: [ReplyStep]) -> String {
        steps.map { if case .delta(let text) = $0 { text } else { "" } }.joined()
    }

    @Test(arguments: ["", "one", " leading", "one two  three\n\nfour five six seven ", "ä ö ü"])
    func streamingKeepsTheText(original: String) {
        #expect(text(ReplyStep.stream(original)) == original)
    }

    @Test func aDeltaHasOneToThreeWords() {
        #expect(
            ReplyStep.stream("a b c d e f g") == [.delta("a "), .delta("b c "), .delta("d e f "), .delta("g")]
        )
    }

    @Test func pausesStandBetweenDeltas() {
        #expect(
            ReplyStep.stream("a b", pause: .milliseconds(5)) == [.delta("a "), .wait(.milliseconds(5)), .delta("b")]
        )
    }
}
