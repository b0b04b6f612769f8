extension FakeGateway.Fault {
    /// How faults are written where there is no Swift: a name, and what it needs after `=`. An answer is lost once, or as
    /// often as the number says.
    public static let words = [
        "refuse-connect=CODE", "grant-only=SCOPE,…", "refuse=METHOD", "stall=METHOD",
        "lose-answer=METHOD[,TIMES]", "lose-events", "no-challenge", "blank-nonce", "no-hello",
        "hello-without=MEMBER,…", "no-ticks", "interrupt=KIND",
        "duplicate-deltas", "duplicate-terminals", "fragment-messages=BYTES", "loose-dialect",
    ]

    /// The kinds of `interrupt=KIND`. Each happens once, after the third chat event of a connection.
    public static let interruptionWords = [
        "cut", "half-frame", "close", "freeze", "malformed-json", "binary-frame", "oversize-frame", "bad-utf8",
        "event-of-unknown-run",
    ]

    /// The fault that such a text names; nil when it names none.
    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : ""
        let list = value.split(separator: ",").map(String.init)
        guard Self.words.contains(where: { $0.split(separator: "=")[0] == parts[0] }),
            value.isEmpty != Self.words.contains(where: { $0.hasPrefix(parts[0] + "=") })
        else { return nil }
        switch parts[0] {
        case "refuse-connect": self = .refuseConnect(.connect(value, "refused, as was asked for"))
        case "grant-only": self = .grantOnly(scopes: list)
        case "refuse":
            self = .refuse(
                method: value, GatewayRefusal(code: "UNAVAILABLE", message: "refused, as was asked for"))
        case "stall": self = .stall(method: value)
        case "lose-answer":
            let times = list.count == 1 ? 1 : list.count == 2 ? Int(list[1]) ?? 0 : 0
            guard times > 0 else { return nil }
            self = .loseAnswer(method: list[0], times: times)
        case "lose-events": self = .loseEvents
        case "no-challenge": self = .noChallenge
        case "blank-nonce": self = .blankNonce
        case "no-hello": self = .noHello
        case "hello-without": self = .helloWithout(list)
        case "no-ticks": self = .noTicks
        case "interrupt":
            guard let interruption = FakeGateway.Interruption(value) else { return nil }
            self = .interrupt(interruption, afterChatEvents: 3)
        case "duplicate-deltas": self = .duplicateDeltas
        case "duplicate-terminals": self = .duplicateTerminals
        case "fragment-messages":
            guard let bytes = Int(value), (1...125).contains(bytes) else { return nil }
            self = .fragmentMessages(pieceBytes: bytes)
        default: self = .looseDialect
        }
    }
}

extension FakeGateway.Interruption {
    fileprivate init?(_ word: String) {
        switch word {
        case "cut": self = .cut
        case "half-frame": self = .halfFrame
        case "close": self = .close(code: 1011, reason: "as was asked for")
        case "freeze": self = .freeze
        case "malformed-json": self = .malformedJSON
        case "binary-frame": self = .binaryFrame
        case "oversize-frame": self = .oversizeFrame(bytes: 30_000_000)
        case "bad-utf8": self = .badUTF8
        case "event-of-unknown-run": self = .eventOfUnknownRun
        default: return nil
        }
    }
}
