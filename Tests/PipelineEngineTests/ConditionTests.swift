import MiddlewareKit
import PipelineEngine
import Testing

@Suite struct ConditionTests {
    @Test(arguments: [
        ("home", "home", true), ("home", "homes", false), ("*", "", true), ("*", "anything", true),
        ("agent:main:*", "agent:main:web-1", true), ("agent:main:*", "agent:work:web-1", false),
        ("*:web-*", "agent:main:web-1", true), ("a*b*c", "a-b-b-c", true), ("a*b*c", "a-c-b", false),
        ("ab*ba", "aba", false), ("**", "x", true), ("a*a*a", "aa", false),
    ])
    func patterns(pattern: String, text: String, expected: Bool) {
        #expect(Pattern(pattern).matches(text) == expected)
    }

    @Test func allMembersMustMatch() {
        let subject = Condition.Subject(
            direction: .inbound, kind: "chat", gateway: "home", agent: "main", session: "agent:main:x", user: nil)
        #expect(Condition().matches(subject))
        #expect(Condition(direction: .inbound, kinds: ["chat", "abort"]).matches(subject))
        #expect(!Condition(direction: .outbound).matches(subject))
        #expect(!Condition(kinds: ["final"]).matches(subject))
        #expect(Condition(gateways: [Pattern("work"), Pattern("home")]).matches(subject))
        #expect(!Condition(users: [Pattern("*")]).matches(subject))
        #expect(!Condition(direction: .inbound, agents: [Pattern("other")]).matches(subject))
    }
}
