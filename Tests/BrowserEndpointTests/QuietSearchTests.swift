import OpenClaw
import Testing

@testable import BrowserEndpoint

@Suite struct QuietSearchTests {
    private let answer = ChatEvent.final(ChatMessage(role: "assistant", text: "Hi"))

    private func verdicts(_ finding: RunFinding?, count: Int) -> [RunSearch.Verdict] {
        var search = QuietSearch()
        return (0..<count).map { _ in search.judge(finding) }
    }

    @Test func anIdleSessionSettlesIt() {
        #expect(verdicts(.ended(answer, isActive: false), count: 1) == [.end(answer)])
        #expect(verdicts(.pending(isActive: false), count: 2) == [.askAgain, .giveUp(wasSeen: true)])
    }

    @Test func withoutThatKnowledgeTheAnswerMustStay() {
        #expect(verdicts(.ended(answer, isActive: nil), count: 2) == [.askAgain, .end(answer)])
    }

    @Test(arguments: [RunFinding.running, .pending(isActive: true), .ended(.final(nil), isActive: true)])
    func anActiveRunIsWaitedForHoweverLong(finding: RunFinding) {
        #expect(verdicts(finding, count: 1_000).allSatisfy { $0 == .askAgain })
    }

    @Test(arguments: [(RunFinding.unseen(isActive: nil), false), (.pending(isActive: nil), true), (nil, nil)])
    func nobodyWaitsForEver(finding: RunFinding?, wasSeen: Bool?) {
        let verdicts = verdicts(finding, count: QuietSearch.maxQuestions)
        #expect(verdicts.dropLast().allSatisfy { $0 == .askAgain })
        #expect(verdicts.last == .giveUp(wasSeen: wasSeen))
    }
}
