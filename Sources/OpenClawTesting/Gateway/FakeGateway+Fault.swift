extension FakeGateway {
    /// Something that a gateway or the network does wrong.
    public enum Fault: Sendable, Hashable {
        /// Answers this many `connect` requests with an error and closes. Each refusal uses one up.
        case refuseConnect(GatewayRefusal, times: Int = .max)
        /// Gives at most these scopes, whatever is asked for.
        case grantOnly(scopes: [String])
        /// Answers every request of this method with an error.
        case refuse(method: String, GatewayRefusal)
        /// Never answers this method; nothing else happens either.
        case stall(method: String)
        /// Carries out requests of this method, and cuts the connection instead of answering. Each uses one up.
        case loseAnswer(method: String, times: Int = .max)
        /// Events are not sent, and use up sequence numbers all the same, as for a client that reads too slowly. Challenges
        /// are sent.
        case loseEvents
        /// New connections get no `connect.challenge`.
        case noChallenge
        /// The challenge has an empty nonce.
        case blankNonce
        /// `connect` is never answered.
        case noHello
        /// `hello-ok` lacks these members, such as `features.methods`, `snapshot` or `policy.tickIntervalMs`.
        case helloWithout([String])
        /// No ticks.
        case noTicks
        /// Disturbs the first connection that got this many chat events since its hello. 0: right before the first one.
        /// Happens once.
        case interrupt(Interruption, afterChatEvents: Int)
        /// Sends each delta twice.
        case duplicateDeltas
        /// Sends each final, aborted and error twice.
        case duplicateTerminals
        /// Cuts every message into frames of at most this many bytes (1...125).
        case fragmentMessages(pieceBytes: Int)
        /// Behaves like other servers that speak the protocol less exactly: pieces instead of snapshots in `message`
        /// and no `deltaText`, a challenge without `ts`, `seq: null`, `error: null` beside `ok: true`, and the bare
        /// array as answer to `models.list`.
        case looseDialect
    }

    /// What happens to a connection in the middle of a reply.
    public enum Interruption: Sendable, Hashable {
        /// The TCP connection ends without a Close frame.
        case cut
        /// Half a frame, then the connection ends.
        case halfFrame
        case close(code: UInt16, reason: String)
        /// The gateway is gone without a word, as when its machine lost power: nothing is read, sent or closed any more.
        case freeze
        /// A text frame that is no JSON.
        case malformedJSON
        case binaryFrame
        /// A text frame of this many bytes, which is an event that nobody knows.
        case oversizeFrame(bytes: Int)
        /// A text frame that is no UTF-8.
        case badUTF8
        /// A final of a run that nobody started, in a session that nobody asked about.
        case eventOfUnknownRun
    }
}
