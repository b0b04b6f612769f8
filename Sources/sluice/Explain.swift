import ArgumentParser
import OpenClaw
import Settings
import SluiceServer
import Stages

import struct MiddlewareKit.IPAddress
import struct MiddlewareKit.MessageFacts

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say which stages a message would meet, and why.",
        discussion: """
            Every message meets the stages from top to bottom, in both directions. What you do not give counts as absent: a
            message without --user is from nobody.
            """)

    @OptionGroup var fileToRead: FileToRead
    @Option(help: "The kind of message: chat, history, final, delta and so on; all when left out.") var kind: String?
    @Option(help: "The id of the gateway.") var gateway = ""
    @Option(help: "The agent; the one that the session key names when left out.") var agent: String?
    @Option(help: "The model.") var model: String?
    @Option(help: "The session key. A short one is completed as for a gateway whose default agent is `main`.")
    var session: String?
    @Option(help: "The user.") var user: String?
    @Option(
        help: "A group of the user; may be given several times. Left out, those that the auth stage gives the user.")
    var group: [String] = []
    @Option(help: "The address of the browser.") var ip: String?
    @Option(help: "The text of the message.") var text = ""

    func validate() throws {
        if let ip, IPAddress(ip) == nil {
            throw ValidationError("--ip must be an address such as 192.168.1.5 or ::1, not “\(ip)”.")
        }
        if let agent, let key = canonicalSession, let named = SessionKeys.agentID(of: key), named != agent {
            throw ValidationError("--session means “\(key)”, whose agent is “\(named)”, not “\(agent)”.")
        }
        guard let kind, Self.direction(of: kind) == nil else { return }
        let known = MessageFacts.Direction.allCases.flatMap(MessageFacts.kinds)
        throw ValidationError("--kind must be one of \(known.joined(separator: ", ")).")
    }

    /// The key as conditions see it.
    private var canonicalSession: String? { session.map(SessionKeys().canonical) }

    func run() throws {
        let loaded = try Loading.settings(fileToRead.path).loaded
        let facts = MessageFacts(
            direction: kind.flatMap(Self.direction) ?? .inbound, kind: kind ?? "", gateway: gateway,
            agent: agent ?? canonicalSession.flatMap(SessionKeys.agentID), model: model, session: canonicalSession,
            user: user, groups: group.isEmpty ? configuredGroups(loaded) : Set(group), address: ip, text: text)
        let explanation = ChainExplanation(
            loaded.chains, facts, kind: kind.flatMap { kind in Self.direction(of: kind).map { ($0, kind) } })
        Output.line("Chain: \(explanation.chain) (\(explanation.reason))")
        if let session = canonicalSession { Output.line("Session: \(session)") }
        Output.line("Every message meets the stages from top to bottom, in both directions.\n")
        for (index, step) in explanation.steps.enumerated() {
            let kind = step.kind == step.stage ? "" : " (\(step.kind))"
            Output.line("\(index + 1). \(step.isIn ? "in " : "out")  \(step.stage)\(kind): \(step.reason)")
            Output.line("        with: \(step.options)")
            Output.line("        \(step.details)")
        }
        if explanation.steps.isEmpty { Output.line("The chain has no stages: messages pass as they are.") }
    }

    /// The groups in which the auth stages put the user.
    private func configuredGroups(_ loaded: LoadedSettings) -> Set<String> {
        guard let user else { return [] }
        let groups = loaded.chains.stages.compactMap { $0.options as? AuthOptions }.map(\.groups)
        return Set(groups.flatMap { $0.filter { $0.value.contains(user) }.keys })
    }

    private static func direction(of kind: String) -> MessageFacts.Direction? {
        MessageFacts.Direction.allCases.first { MessageFacts.kinds($0).contains(kind) }
    }
}
