package import MiddlewareKit

/// One entry of `gateways:` of the configuration file.
package struct GatewaySettings: OptionGroup {
    /// What becomes of chat messages while the gateway is away.
    package enum WhileAway: String, OptionChoice { case queue, reject }
    /// What becomes of messages that the gateway would take for a command.
    package enum Commands: String, OptionChoice { case forward, block }

    /// Whose the sessions are that the gateway had before anybody wrote in them through Sluice.
    package enum KnownSessions: String, OptionChoice {
        case administrators
        case firstUser = "first-user"
    }

    /// What becomes of the answers under way when the gateway is taken out.
    package enum WhenRemoved: String, OptionChoice { case finish, abort }

    /// Who may decide on commands that an agent wants to run.
    package enum Approvals: String, OptionChoice { case off, administrators, owners }

    package var id = Located("")
    /// What people call the gateway; its id when nil.
    package var givenName: String?
    package var url = ""
    package var token: Secret?
    package var password: Secret?
    package var requestTimeout: Duration = .seconds(30)
    package var scopes = ["operator.read", "operator.write"]
    package var tls = GatewayTLSSettings()
    package var whileAway = WhileAway.queue
    package var queueMessages = 100
    package var queueTime: Duration = .seconds(300)
    package var commands = Commands.forward
    package var knownSessions = KnownSessions.administrators
    package var approvals = Approvals.off
    package var whenRemoved = WhenRemoved.finish

    package init() {}

    package var name: String { givenName ?? id.value }

    package static let options: [Option<Self>] = [
        Option(
            "id", \.id,
            help: "The word for the gateway in addresses, frames and the log.",
            example: "home",
            isRequired: true,
            check: { Identifier.problem(of: $0.value) }
        ),
        Option("name", \.givenName, help: "What people call the gateway; the id when left out.", example: "Home"),
        Option(
            "url", \.url,
            help: "The WebSocket address of the gateway.",
            example: "\"ws://127.0.0.1:18789\"",
            isRequired: true,
            check: GatewayAddress.problem(of:)
        ),
        Option("token", \.token, help: "The gateway's token, when it asks for one.", example: "\"${OPENCLAW_TOKEN}\""),
        Option(
            "password", \.password,
            help: "The gateway's password, when it asks for one.",
            example: "\"${OPENCLAW_PASSWORD}\""
        ),
        Option(
            "request-timeout", \.requestTimeout,
            help:
                "How long the gateway may take to answer a request. A chat that it does not answer is sent again for five minutes; "
                + "the run that it starts may take longer.",
            range: .milliseconds(100) ... .seconds(3600)
        ),
        Option(
            "scopes", \.scopes,
            help: "What the server asks the gateway to be allowed to do. More than was approved blocks the connection.",
            check: { $0.isEmpty || $0.contains("") ? "must name at least one scope, such as operator.read" : nil }
        ),
        Option(
            "while-away", \.whileAway,
            help:
                "Chat messages while the gateway is away: `queue` lets them wait until it is back, `reject` refuses them."
        ),
        Option(
            "queue-messages", \.queueMessages,
            help: "How many messages may wait while the gateway is away or asks for patience.",
            range: 1...10_000),
        Option(
            "queue-time", \.queueTime, help: "How long a message may wait while the gateway is away.",
            range: .seconds(1) ... .seconds(86_400)),
        Option(
            "commands", \.commands,
            help:
                "Messages that begin with `/`, which the gateway takes for commands: `forward` passes them on, `block` "
                + "refuses them, except from administrators."),
        Option(
            "known-sessions", \.knownSessions,
            help:
                "Whose the sessions are that the gateway had before anybody wrote in them through Sluice, its main "
                + "session among them: `administrators`, or `first-user`, the first user who writes in one. It matters "
                + "where `auth` asks who is there."),
        Option(
            "approvals", \.approvals,
            help:
                "Who may allow or deny the commands that an agent wants to run on the gateway's machine: `off` (nobody "
                + "here), `administrators`, or `owners` (of the session that the agent works in, and administrators). "
                + "Beside `scopes` the gateway is then asked for operator.approvals."),
        Option(
            "when-removed", \.whenRemoved,
            help:
                "What becomes of answers under way when the gateway is taken out of the configuration: `finish` lets them "
                + "end for up to a minute and stops what is left then, `abort` stops them at once."),
        Option("tls", \.tls, help: "How to know the gateway behind a wss:// address."),
    ]
}

/// The words by which gateways and stages are known in addresses, figures and the log.
enum Identifier {
    /// What is wrong with an id, to stand after the word "id": it must match `^[a-z0-9][a-z0-9_-]{0,63}$`.
    static func problem(of text: String) -> String? {
        let isLetterOrDigit = { (byte: UInt8) in (97...122).contains(byte) || (48...57).contains(byte) }
        let bytes = text.utf8
        let isRight =
            (1...64).contains(bytes.count) && isLetterOrDigit(bytes[bytes.startIndex])
            && bytes.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        return isRight
            ? nil : "must be 1 to 64 of the characters a-z, 0-9, - and _, and begin with a letter or a digit"
    }
}
