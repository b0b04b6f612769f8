import JSON

/// Why a connect attempt failed, and what follows from it (OpenClaw protocol: connect errors and what to do).
struct ConnectFailure: Sendable, Equatable {
    /// When to try again.
    enum Retry: Sendable, Equatable {
        /// The gateway is starting: after this delay, and it does not count as a failure.
        case fast(Duration)
        case backoff
        /// The delay that the gateway asks for.
        case after(Duration)
        /// An admin must act first: slowly, at least after this delay.
        case slow(atLeast: Duration)
        /// Once more at once with the older signature payload.
        case olderSignature
        /// Once more with the device token that the gateway issued.
        case deviceToken
        /// Backoff once, then slowly.
        case backoffOnce
    }

    var retry: Retry
    var reason: String
    var remedy: String?
    var isPairing = false

    init(_ retry: Retry, _ reason: String, remedy: String? = nil, isPairing: Bool = false) {
        self.retry = retry
        self.reason = reason
        self.remedy = remedy
        self.isPairing = isPairing
    }

    static let slow = Retry.slow(atLeast: .zero)

    /// The socket could not be opened, or was lost without an error frame.
    static func network(_ reason: String) -> ConnectFailure {
        ConnectFailure(.backoff, reason, remedy: "Check that the gateway runs and that its URL is right.")
    }

    /// The socket was closed before the hello, and no error frame said why.
    static func closed(code: UInt16?, reason: String) -> ConnectFailure {
        let words = "the gateway closed the connection during the handshake"
        return switch code {
        case 1013: ConnectFailure(.fast(.milliseconds(500)), "the gateway is starting")
        case 1002, 1008:
            // Very old gateways say it only here.
            classify(GatewayFault(code: "CLOSED", message: reason.isEmpty ? words : reason, isRetryable: true))
        case 1000, nil: network(words)
        case let code?: network("\(words) (\(code) \(reason))")
        }
    }

    static func classify(_ fault: GatewayFault) -> ConnectFailure {
        if fault.isStartup { return ConnectFailure(.fast(fault.startupDelay), "the gateway is starting") }
        switch code(of: fault) {
        case "PAIRING_REQUIRED": return pairing(fault)
        case "PAIRING_REJECTED", "PAIRING_EXPIRED":
            return ConnectFailure(slow, fault.message, remedy: pairingRemedy(requestID: nil), isPairing: true)
        case "AUTH_TOKEN_MISMATCH":
            return ConnectFailure(
                .deviceToken, fault.message, remedy: "Set `token` of this gateway to the gateway's own token.")
        case "AUTH_DEVICE_TOKEN_MISMATCH":
            return ConnectFailure(
                .backoffOnce, fault.message, remedy: "Set `token` of this gateway in the configuration.")
        case "AUTH_TOKEN_MISSING", "AUTH_REQUIRED", "AUTH_UNAUTHORIZED":
            return ConnectFailure(
                slow, fault.message, remedy: "Set `token` of this gateway to the gateway's own token.")
        case "AUTH_PASSWORD_MISSING", "AUTH_PASSWORD_MISMATCH":
            return ConnectFailure(
                slow, fault.message, remedy: "Set `password` of this gateway to the gateway's own password.")
        case "AUTH_TOKEN_NOT_CONFIGURED", "AUTH_PASSWORD_NOT_CONFIGURED":
            return ConnectFailure(slow, fault.message, remedy: "Configure a shared token on the gateway.")
        case "AUTH_RATE_LIMITED":
            let delay = Duration.milliseconds(max(60_000, fault.retryAfterMs ?? 0))
            return ConnectFailure(
                .slow(atLeast: delay), fault.message,
                remedy: "Correct the token; the gateway lets nobody try again before some time has passed.")
        case "AUTH_SCOPE_MISMATCH":
            return ConnectFailure(slow, fault.message, remedy: "Ask for fewer scopes, or approve the device anew.")
        case "AUTHENTICATED_PROFILE_UNAVAILABLE":
            let delay = fault.retryAfterMs.map { Duration.milliseconds($0) }
            return ConnectFailure(delay.map { .after($0) } ?? .backoff, fault.message)
        case "DEVICE_AUTH_SIGNATURE_EXPIRED":
            return ConnectFailure(
                slow, fault.message, remedy: "Check the clocks of both machines: they differ too much.")
        case "DEVICE_AUTH_NONCE_MISMATCH", "DEVICE_AUTH_NONCE_REQUIRED":
            return ConnectFailure(.backoffOnce, fault.message)
        case "DEVICE_AUTH_SIGNATURE_INVALID":
            return ConnectFailure(
                .olderSignature, fault.message, remedy: "The gateway does not accept the signature of this device.")
        case "CONTROL_UI_ORIGIN_NOT_ALLOWED":
            return ConnectFailure(
                slow, fault.message, remedy: "A proxy before the gateway seems to add an Origin header.")
        case "PROTOCOL_MISMATCH", "CLIENT_VERSION_MISMATCH", "CONTROL_UI_BUILD_MISMATCH":
            let theirs = fault.details?["expectedProtocol"]?.int.map { "protocol \($0)" } ?? "another protocol"
            let ours = "\(ConnectRequest.minProtocol) to \(ConnectRequest.maxProtocol)"
            return ConnectFailure(
                slow, "\(fault.message): the gateway speaks \(theirs)",
                remedy: "Sluice speaks protocol \(ours): update the older one of the two.")
        case "DEVICE_IDENTITY_REQUIRED", "CONTROL_UI_DEVICE_IDENTITY_REQUIRED":
            return ConnectFailure(slow, fault.message, remedy: "The gateway did not accept the key of this device.")
        case "AUTH_IDENTITY_HEADER_REQUIRED", "AUTH_VERIFIED_USER_REQUIRED", "OPERATOR_ACCESS_DENIED":
            return ConnectFailure(
                slow, fault.message, remedy: "Change the gateway's auth settings to take a shared token.")
        case "INVALID_PARAMS":
            return ConnectFailure(
                slow, fault.message, remedy: "This gateway does not know what Sluice sends. Update it.")
        case let code where code.hasPrefix("AUTH_") || code.hasPrefix("DEVICE_AUTH_"):
            return ConnectFailure(slow, fault.message, remedy: "Check `token` and the gateway's auth settings.")
        case "UNAVAILABLE":
            let delay = fault.retryAfterMs.map { Duration.milliseconds($0) }
            return ConnectFailure(delay.map { .after($0) } ?? .backoff, fault.message)
        default:
            return ConnectFailure(fault.isRetryable ? .backoff : slow, fault.message)
        }
    }

    /// The word to decide by. Old gateways only give the text.
    private static func code(of fault: GatewayFault) -> String {
        if !fault.detailCode.isEmpty { return fault.detailCode }
        let text = fault.message.lowercased()
        if text.contains("pairing required") { return "PAIRING_REQUIRED" }
        if text.contains("protocol mismatch") { return "PROTOCOL_MISMATCH" }
        if text.contains("device signature invalid") { return "DEVICE_AUTH_SIGNATURE_INVALID" }
        if text.contains("device signature expired") { return "DEVICE_AUTH_SIGNATURE_EXPIRED" }
        if text.contains("invalid connect params") { return "INVALID_PARAMS" }
        if text.contains("slow consumer") { return "UNAVAILABLE" }
        if text.contains("unauthorized") { return "AUTH_UNAUTHORIZED" }
        return fault.code
    }

    private static func pairing(_ fault: GatewayFault) -> ConnectFailure {
        let details = fault.details
        let waits =
            details?["pauseReconnect"]?.bool == false
            || details?["recommendedNextStep"]?.string == "wait_then_retry"
        let reason =
            switch details?["reason"]?.string {
            case "scope-upgrade": "the gateway must approve the additional rights that are asked for"
            case "role-upgrade": "the gateway must approve the role that is asked for"
            case "metadata-upgrade": "this device looks different since it was approved, and must be approved anew"
            default: "the gateway must approve this device"
            }
        let id = details?["requestId"]?.string ?? requestID(in: fault.message)
        let remedy = pairingRemedy(requestID: id.flatMap { isRequestID($0) ? $0 : nil })
        return ConnectFailure(waits ? .backoff : slow, reason, remedy: remedy, isPairing: true)
    }

    private static func pairingRemedy(requestID: String?) -> String {
        if let requestID { return "On the gateway, run: openclaw devices approve \(requestID)" }
        return "On the gateway, run: openclaw devices list, and then: openclaw devices approve <requestId>"
    }

    /// From `pairing required (requestId: abc)`.
    private static func requestID(in text: String) -> String? {
        let parts = text.split(separator: "requestId:", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        return String(parts[1].trimmed.prefix { $0 != ")" && $0 != "," && !$0.isWhitespace })
    }

    /// The id goes into a command line that people copy: only harmless characters.
    private static func isRequestID(_ text: String) -> Bool {
        func isWord(_ c: Character) -> Bool { c.isASCII && (c.isLetter || c.isNumber) }
        guard let first = text.first, isWord(first), text.count <= 128 else { return false }
        return text.allSatisfy { isWord($0) || "._:-".contains($0) }
    }
}
