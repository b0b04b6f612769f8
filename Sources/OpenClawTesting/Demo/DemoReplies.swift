/// The demo gateway's assistant: it knows a little about Sluice, and shows what a reply can look like.
///
/// Words that it reacts to, the first that fits: `fail` (a model error), `think` (hidden reasoning before the answer),
/// `approval` (a command that somebody must allow), `long` (an answer to stop), a topic of ``DemoTopic``, a greeting. It repeats everything else.
public struct DemoReplies: FakeReply {
    /// A word in all hidden reasoning, so that a test can tell whether some of it got through.
    public static let hiddenMarker = "THINK-SECRET"

    /// Between two deltas: about 35 deltas, or 70 words, in a second.
    private static let pause = Duration.milliseconds(28)

    public init() {}

    public func steps(for prompt: FakePrompt) -> [ReplyStep] {
        let words = Self.words(prompt.message)
        if words.contains("fail") {
            return ReplyStep.stream("Let me try that. ", pause: Self.pause)
                + [.wait(Self.pause), .error("the demo model failed, as you asked")]
        }
        if words.contains("think") {
            return Self.reasoning(splitsTags: prompt.earlierMessages % 4 >= 2)
                + ReplyStep.stream(DemoText.afterThinking, pause: Self.pause)
        }
        if words.contains("approval") {
            return ReplyStep.stream(DemoText.beforeApproval, pause: Self.pause) + [.askApproval(command: "uptime")]
                + ReplyStep.stream(DemoText.afterApproval, pause: Self.pause)
        }
        if words.contains("long") { return ReplyStep.stream(DemoText.long, pause: Self.pause) }
        return ReplyStep.stream(answer(to: prompt, words), pause: Self.pause)
    }

    private func answer(to prompt: FakePrompt, _ words: Set<String>) -> String {
        if let topic = DemoTopic.allCases.first(where: { !$0.words.isDisjoint(with: words) }) { return topic.text }
        if !words.isDisjoint(with: ["hi", "hello", "hey", "hallo", "moin", "morning", "evening"]) {
            return prompt.earlierMessages == 0 ? DemoText.greeting : DemoText.greetingAgain
        }
        if !words.isDisjoint(with: ["thanks", "thank", "thx", "danke"]) {
            return "You are welcome! Say **help** whenever you want to see what else I can show you."
        }
        return DemoText.echo(prompt.message, earlierMessages: prompt.earlierMessages)
    }

    /// Reasoning in tags, as some models write it into their text.
    ///
    /// - Parameter splitsTags: Whether deltas end in the middle of the tags.
    private static func reasoning(splitsTags: Bool) -> [ReplyStep] {
        let hidden = ReplyStep.stream(
            "\(hiddenMarker): The user wants to see whether this stays hidden. ",
            pause: pause
        )
        let opening: [ReplyStep] = splitsTags ? [.delta("<thi"), .wait(pause), .delta("nk>")] : [.delta("<think>")]
        let closing: [ReplyStep] =
            splitsTags
            ? [.delta("</"), .wait(pause), .delta("think"), .wait(pause), .delta(">")] : [.delta("</think>")]
        return opening + [.wait(pause)] + hidden + [.wait(pause)] + closing + [.wait(pause)]
    }

    private static func words(_ text: String) -> Set<String> {
        Set(
            text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "." && $0 != "-" }.map { word in
                String(word.hasSuffix(".") ? word.dropLast() : word)
            }
        )
    }
}
