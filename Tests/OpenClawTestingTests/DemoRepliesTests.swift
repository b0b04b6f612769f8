import Testing

@testable import OpenClawTesting

struct DemoRepliesTests {
    private func steps(_ message: String, earlierMessages: Int = 0) -> [ReplyStep] {
        DemoReplies().steps(
            for: FakePrompt(
                runID: "run",
                sessionKey: "agent:demo:main",
                agentID: "demo",
                message: message,
                earlierMessages: earlierMessages
            )
        )
    }

    private func deltas(_ message: String, earlierMessages: Int = 0) -> [String] {
        steps(message, earlierMessages: earlierMessages).compactMap { step in
            if case .delta(let text) = step { text } else { nil }
        }
    }

    @Test(arguments: [
        ("help", DemoTopic.help), ("Help!", .help), ("What is Sluice?", .sluice), ("show me markdown", .markdown),
        ("Hello, how do I add a stage?", .stage), ("what does config.yaml look like?", .config),
        ("how do I connect a real gateway", .gateway), ("what does the chain do?", .chain),
    ])
    func wordsChooseTheTopic(message: String, topic: DemoTopic) {
        #expect(deltas(message).joined() == topic.text)
    }

    @Test func greetingsAreReturned() {
        #expect(deltas("hello").joined() == DemoText.greeting)
        #expect(deltas("hello", earlierMessages: 2).joined() == DemoText.greetingAgain)
    }

    @Test func everythingElseIsEchoed() {
        let answer = deltas("my cat\nsleeps", earlierMessages: 4).joined()
        #expect(answer.contains("> my cat\n> sleeps"))
        #expect(answer.contains("There were 4 messages before this one."))
    }

    @Test func deltasComeAtReadingSpeed() {
        let steps = steps("long")
        let waits = steps.compactMap { if case .wait(let pause) = $0 { pause } else { nil } }
        #expect(waits.count == deltas("long").count - 1)
        #expect(waits.allSatisfy { (25...33).contains($0 / .milliseconds(1)) })
        #expect(waits.reduce(.zero, +) > .seconds(10))
    }

    @Test func hiddenReasoningIsInTags() {
        for earlierMessages in [0, 2] {
            let text = deltas("please think", earlierMessages: earlierMessages).joined()
            #expect(text.hasPrefix("<think>THINK-SECRET"))
            #expect(text.hasSuffix("</think>" + DemoText.afterThinking))
        }
        #expect(deltas("think", earlierMessages: 2).first == "<thi")
    }

    @Test func failEndsWithAnError() {
        guard case .error? = steps("fail please").last else {
            Issue.record("no error")
            return
        }
    }

    @Test func aCommandCanBeAskedFor() {
        #expect(steps("approval please").contains(.askApproval(command: "uptime")))
    }

    @Test func noOtherAnswerHoldsTheMarker() {
        let texts = DemoTopic.allCases.map(\.text) + [DemoText.greeting, DemoText.long, DemoText.afterThinking]
        #expect(texts.allSatisfy { !$0.contains(DemoReplies.hiddenMarker) })
    }
}
