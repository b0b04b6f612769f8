package import MiddlewareKit

/// `when:` of a stage entry: the stage takes part in the messages for which all given options hold.
///
/// In `gateway`, `agent`, `session` and `user`, `*` stands for any run of characters.
package struct StageCondition: OptionGroup {
    package enum Direction: String, OptionChoice {
        case inbound, outbound
    }

    package var direction: Direction?
    package var kind: OneOrMore<MessageWord>?
    package var gateway: OneOrMore<String>?
    package var agent: OneOrMore<String>?
    package var session: OneOrMore<String>?
    package var user: OneOrMore<String>?

    package init() {}

    package static let options: [Option<Self>] = [
        Option("direction", \.direction, help: "inbound: browser to gateway. outbound: gateway to browser."),
        Option("kind", \.kind, help: "What kind of message it is, or a list of kinds.", example: "[chat, final]"),
        Option("gateway", \.gateway, help: "The id of the gateway, or a list.", example: "home"),
        Option("agent", \.agent, help: "The id of the agent, or a list.", example: "\"support-*\""),
        Option("session", \.session, help: "The session key, or a list.", example: "\"agent:main:*\""),
        Option("user", \.user, help: "Who sent the message or started the run, or a list.", example: "alice"),
    ]
}

/// The word for a kind of message: that of a ``MessageKind`` or an ``EventKind``, or `delta` for pieces of reply text.
package struct MessageWord: OptionValue, Hashable {
    package var word: String

    package init(_ word: String) { self.word = word }

    /// All words, those of inbound messages first.
    package static let all = inbound + outbound
    package static let inbound = MessageKind.allCases.map(\.rawValue)
    package static let outbound = EventKind.allCases.map(\.rawValue) + ["delta"]

    package static var optionType: OptionType { .choice(all) }

    package static func read(_ node: ConfigNode, findings: inout Findings) -> MessageWord? {
        guard let word = node.scalar, all.contains(word) else {
            node.reportNoChoice(of: all, findings: &findings)
            return nil
        }
        return MessageWord(word)
    }

    package var optionText: String { word.optionText }
}
