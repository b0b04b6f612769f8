/// One row of the table of connect errors: what is wrong, in words for an administrator, and what to do about it.
///
/// `docs/gateway.md` shows the same table; a test keeps the two in step.
struct ConnectError: Sendable {
    /// The gateway's words for it, or one of our own for what no gateway says. `*` at the end stands for anything.
    let codes: [String]
    let retry: ConnectFailure.Retry
    let reason: String
    let remedy: String
    let isPairing: Bool

    private init(
        _ codes: String..., retry: ConnectFailure.Retry = .slow(atLeast: .zero), reason: String, remedy: String,
        isPairing: Bool = false
    ) {
        self.codes = codes
        self.retry = retry
        self.reason = reason
        self.remedy = remedy
        self.isPairing = isPairing
    }

    /// One that no gateway says.
    init(own code: String, retry: ConnectFailure.Retry = .backoff, reason: String, remedy: String) {
        self.init(code, retry: retry, reason: reason, remedy: remedy)
    }

    /// The first row that has the word.
    static func find(_ code: String) -> ConnectError? {
        gatewayErrors.first { row in
            row.codes.contains { $0.hasSuffix("*") ? code.hasPrefix($0.dropLast()) : code == $0 }
        }
    }

    /// When it is tried again, in words.
    var retryWords: String {
        switch retry {
        case .fast: "after half a second, thirty times; then with growing delays"
        case .backoff, .after: "after 1 s, 2 s, 4 s and so on up to 1 minute"
        case .slow(let least) where least > .zero: "every minute at most, and never sooner than the gateway says"
        case .slow: slowWords
        case .olderSignature: "once at once with the older signature; then \(slowWords)"
        case .withoutMembers: "once at once without what the gateway does not know; then \(slowWords)"
        case .withDeviceToken: "once with the device token, where that is safe; then \(slowWords)"
        case .withoutDeviceToken: "once with the shared secret, the device token is forgotten; then \(slowWords)"
        case .backoffOnce: "once after 1 s; then \(slowWords)"
        }
    }

    private var slowWords: String { "every minute, after ten times every 5 minutes" }

    // MARK: What a gateway says

    static let gatewayErrors = [
        starting, pairing,
        ConnectError(
            "PAIRING_REJECTED", "PAIRING_EXPIRED",
            reason: "the gateway's administrator did not approve this device",
            remedy: "On the gateway, run: openclaw devices list, and then: openclaw devices approve <requestId>",
            isPairing: true),
        ConnectError(
            "AUTH_TOKEN_MISMATCH", retry: .withDeviceToken,
            reason: "the token is not that of the gateway",
            remedy: "Set `token` of this gateway to the gateway's own: gateway.auth.token in its configuration."),
        ConnectError(
            "AUTH_TOKEN_MISSING", "AUTH_REQUIRED", "AUTH_UNAUTHORIZED",
            reason: "the gateway asks for a token",
            remedy: "Set `token` of this gateway to the gateway's own: gateway.auth.token in its configuration."),
        ConnectError(
            "AUTH_PASSWORD_MISSING", "AUTH_PASSWORD_MISMATCH",
            reason: "the password is missing or is not that of the gateway",
            remedy: "Set `password` of this gateway to the gateway's own password."),
        ConnectError(
            "AUTH_TOKEN_NOT_CONFIGURED", "AUTH_PASSWORD_NOT_CONFIGURED",
            reason: "the gateway itself has no token or password to compare with",
            remedy: "On the gateway, set gateway.auth.token (or gateway.auth.password) and restart it."),
        ConnectError(
            "AUTH_DEVICE_TOKEN_MISMATCH", retry: .withoutDeviceToken,
            reason: "the device token that the gateway issued is no longer valid",
            remedy: "Set `token` of this gateway, or approve the device anew: openclaw devices list"),
        ConnectError(
            "AUTH_SCOPE_MISMATCH",
            reason: "the device token does not cover the scopes that are asked for",
            remedy: "Ask for fewer `scopes` of this gateway, or approve the device anew: openclaw devices list"),
        ConnectError(
            "AUTH_BOOTSTRAP_TOKEN_INVALID",
            reason: "the gateway takes the token for a set-up code, and an invalid one",
            remedy: "Set `token` of this gateway to the gateway's own: gateway.auth.token in its configuration."),
        ConnectError(
            "AUTH_RATE_LIMITED", retry: .slow(atLeast: .seconds(60)),
            reason: "the gateway saw too many failed attempts and lets nobody try for a while",
            remedy: "Correct `token` or `password`, then wait some minutes: each failed attempt makes it longer."),
        ConnectError(
            "AUTH_TAILSCALE_*", "AUTH_IDENTITY_HEADER_REQUIRED", "AUTH_VERIFIED_USER_REQUIRED",
            "OPERATOR_ACCESS_DENIED",
            reason: "the gateway lets in only people whom a proxy or Tailscale vouches for",
            remedy: "On the gateway, set gateway.auth.mode to token, and set `token` of this gateway."),
        ConnectError(
            "AUTHENTICATED_PROFILE_UNAVAILABLE", retry: .backoff,
            reason: "the gateway cannot check who this is at the moment",
            remedy: "Nothing: it is tried again. If it stays so, look at the gateway's log."),
        ConnectError(
            "DEVICE_AUTH_SIGNATURE_EXPIRED",
            reason: "the clocks of the two machines differ too much",
            remedy: "Set the clock of this machine or of the gateway's; two minutes is the most that is allowed."),
        ConnectError(
            "DEVICE_AUTH_SIGNATURE_INVALID", retry: .olderSignature,
            reason: "the gateway does not accept the signature of this device",
            remedy: "Update the gateway. If it is new, a proxy may be changing what is sent."),
        ConnectError(
            "DEVICE_AUTH_NONCE_MISMATCH", "DEVICE_AUTH_NONCE_REQUIRED", retry: .backoffOnce,
            reason: "the gateway says that its challenge was not answered",
            remedy: "Connect to the gateway without a proxy that mixes up connections."),
        ConnectError(
            "DEVICE_AUTH_*",
            reason: "the gateway does not accept the key of this device",
            remedy: "Move device.json beside the database away; a new key is made, and must be approved on the gateway."
        ),
        ConnectError(
            "DEVICE_IDENTITY_REQUIRED", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
            reason: "the gateway did not see the key of this device",
            remedy: "Connect to the gateway without a proxy that changes what is sent."),
        ConnectError(
            "CONTROL_UI_ORIGIN_NOT_ALLOWED",
            reason: "the gateway takes this server for a browser",
            remedy: "A proxy before the gateway adds an Origin header: take it away, or allow it on the gateway."),
        ConnectError(
            "PROTOCOL_MISMATCH", "CLIENT_VERSION_MISMATCH", "CONTROL_UI_BUILD_MISMATCH",
            reason: "protocol mismatch: the gateway speaks another protocol",
            remedy: "Sluice speaks protocol \(ConnectRequest.minProtocol) to \(ConnectRequest.maxProtocol): "
                + "update the older one of the two."),
        invalidParameters,
        ConnectError(
            "INVALID_ROLE",
            reason: "the gateway does not know the role of an operator",
            remedy: "Update the gateway."),
        ConnectError(
            "SLOW_CONSUMER", retry: .backoff,
            reason: "the gateway found that this server reads too slowly",
            remedy: "Nothing: it is tried again. If it stays so, give this machine more power."),
        ConnectError(
            "UNAVAILABLE", retry: .backoff,
            reason: "the gateway is there but cannot work at the moment",
            remedy: "Nothing: it is tried again. If it stays so, look at the gateway's log."),
        ConnectError(
            "AUTH_*",
            reason: "the gateway does not accept the token or password",
            remedy: "Check `token` and `password` of this gateway, and gateway.auth on the gateway."),
    ]

    static let starting = ConnectError(
        "GATEWAY_STARTING", retry: .fast(.milliseconds(500)),
        reason: "the gateway is starting",
        remedy: "Nothing: it is tried again. If it stays so, look at the gateway's log.")

    static let pairing = ConnectError(
        "PAIRING_REQUIRED",
        reason: "the gateway must approve this device",
        remedy: "On the gateway, run: openclaw devices list, and then: openclaw devices approve <requestId>",
        isPairing: true)

    /// The gateway may name what it does not know; then it is left out at once.
    static let invalidParameters = ConnectError(
        "INVALID_CONNECT_PARAMS",
        reason: "the gateway does not understand the connect request",
        remedy: "Update the gateway; if it is newer than Sluice, update Sluice.")

    /// A word that is not in the table.
    static let unknown = ConnectError(
        "anything else",
        reason: "the gateway refuses the connection",
        remedy: "Look at the gateway's log: openclaw logs --follow")
}
