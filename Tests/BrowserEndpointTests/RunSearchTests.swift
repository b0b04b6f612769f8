import OpenClaw
import Testing

@testable import BrowserEndpoint

@Suite struct RunSearchTests {
    private let answer = ChatEvent.final(ChatMessage(role: "assistant", text: "Hi"))

    /// The verdicts on the same finding, asked again and again.
    private func verdicts(_ finding: RunFinding?, count: Int) -> [RunSearch.Verdict] {
        var search = RunSearch()
        return (0..<count).map { _ in search.judge(finding) }
    }

    @Test func anIdleSessionSettlesIt() {
        #expect(verdicts(.ended(answer, isActive: false), count: 1) == [.end(answer)])
    }

    @Test func withoutThatKnowledgeTheAnswerMustStay() {
        #expect(verdicts(.ended(answer, isActive: nil), count: 2) == [.askAgain, .end(answer)])
        var search = RunSearch()
        #expect(search.judge(.pending(isActive: nil)) == .askAgain)
        #expect(search.judge(.ended(answer, isActive: nil)) == .askAgain)
        #expect(search.judge(.ended(answer, isActive: nil)) == .end(answer))
    }

    @Test(arguments: [(RunFinding.unseen(isActive: false), false), (.pending(isActive: false), true), (nil, nil)])
    func silenceIsTheEndAtLast(finding: RunFinding?, wasSeen: Bool?) {
        let verdicts = verdicts(finding, count: RunSearch.pauses.count)
        #expect(verdicts.dropLast().allSatisfy { $0 == .askAgain })
        #expect(verdicts.last == .giveUp(wasSeen: wasSeen))
    }

    /// Its message may never have set out.
    @Test func aRunFromBeforeTheStartIsSoonGivenUp() {
        func verdicts(_ findings: [RunFinding]) -> [RunSearch.Verdict] {
            var search = RunSearch(isRestored: true)
            return findings.map { search.judge($0) }
        }
        #expect(
            verdicts([.unseen(isActive: false), .unseen(isActive: false)]) == [.askAgain, .giveUp(wasSeen: false)])
        // It may wait its turn, and protocol 3 does not tell.
        for isActive in [true, nil] {
            #expect(
                verdicts([.unseen(isActive: isActive), .unseen(isActive: isActive)]) == [.askAgain, .askAgain])
        }
    }

    @Test(arguments: [RunFinding.running, .pending(isActive: true)])
    func anActiveRunIsWaitedFor(finding: RunFinding) {
        let verdicts = verdicts(finding, count: RunSearch.maxQuestions)
        #expect(verdicts.dropLast().allSatisfy { $0 == .askAgain })
        #expect(verdicts.last == .giveUp(wasSeen: true))
    }
}
