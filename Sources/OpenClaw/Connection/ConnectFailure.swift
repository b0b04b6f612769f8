import JSON

/// Why a connect attempt or a connection failed, in words for people, and what follows from it (OpenClaw protocol:
/// connect errors and what to do). The words are in ``ConnectError``.
struct ConnectFailure: Sendable, Equatable {
    /// When to try again.
    enum Retry: Sendable, Equatable {
        /// The gateway is starting: after this delay, and it does not count as a failure.
        case fast(Duration)
        case backoff
        /// At least the delay that the gateway asks for.
        case after(Duration)
        /// An admin must act first: slowly, at least after this delay.
        case slow(atLeast: Duration)
        /// Once more at once with the older signature payload.
        case olderSignature
        /// Once more at once without the members that this gateway does not know.
        case withoutMembers(Set<String>)
        /// Once more with the device token that the gateway issued, beside the shared token.
        case withDeviceToken
        /// The stored device token is of no use: forget it, and try once more with the shared secret.
        case withoutDeviceToken
        /// Backoff once, then slowly.
        case backoffOnce
    }

    /// The word for it in docs/gateway.md: that of the gateway, or one of our own.
    var code: String
    var retry: Retry
    var reason: String
    var remedy: String?
    var isPairing = false

    init(_ error: ConnectError, retry: Retry? = nil, code: String? = nil, detail: String? = nil) {
        self.code = code ?? error.codes[0]
        self.retry = retry ?? error.retry
        let detail = detail.map(Self.printable) ?? ""
        reason = detail.isEmpty ? error.reason : "\(error.reason) (\(detail))"
        remedy = error.remedy
        isPairing = error.isPairing
    }

    // MARK: The gateway's own words

    static func classify(_ fault: GatewayFault) -> ConnectFailure {
        if fault.isStartup { return ConnectFailure(.starting, retry: .fast(fault.startupDelay)) }
        let code = code(of: fault)
        guard let error = ConnectError.find(code) else {
            return ConnectFailure(
                .unknown, retry: fault.isRetryable ? .backoff : nil, code: code, detail: fault.message)
        }
        var failure = ConnectFailure(error, code: code, detail: fault.message)
        switch code {
        case "PAIRING_REQUIRED":
            return pairing(fault)
        case "AUTH_RATE_LIMITED":
            let wait = min(max(fault.retryAfterMs ?? 0, 60_000), 3_600_000)
            failure.retry = .slow(atLeast: .milliseconds(wait))
        case "AUTHENTICATED_PROFILE_UNAVAILABLE", "UNAVAILABLE":
            guard let wait = fault.retryAfterMs else { break }
            failure.retry = .after(.milliseconds(min(max(wait, 0), 600_000)))
        case "PROTOCOL_MISMATCH":
            let theirs = fault.details?["expectedProtocol"]?.int.map { "protocol \($0)" } ?? "another protocol"
            failure.reason = "protocol mismatch: the gateway speaks \(theirs)"
        case ConnectError.invalidParameters.codes[0]:
            let names = unexpectedProperties(in: fault.message)
            if !names.isEmpty { failure.retry = .withoutMembers(names) }
        default: break
        }
        return failure
    }

    /// The word to decide by. Old gateways only give the text.
    private static func code(of fault: GatewayFault) -> String {
        if !fault.detailCode.isEmpty { return fault.detailCode }
        let text = fault.message.lowercased()
        for (words, code) in codesByText where text.contains(words) { return code }
        return fault.code
    }

    private static let codesByText = [
        ("pairing required", "PAIRING_REQUIRED"), ("protocol mismatch", "PROTOCOL_MISMATCH"),
        ("device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID"),
        ("device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED"),
        ("device identity required", "DEVICE_IDENTITY_REQUIRED"),
        ("invalid connect params", "INVALID_CONNECT_PARAMS"), ("invalid role", "INVALID_ROLE"),
        ("slow consumer", "SLOW_CONSUMER"), ("unauthorized", "AUTH_UNAUTHORIZED"),
    ]

    /// From `invalid connect params: at /client: unexpected property 'x'; …`.
    static func unexpectedProperties(in text: String) -> Set<String> {
        var names: Set<String> = []
        for part in text.split(separator: "unexpected property ").dropFirst() {
            let name = part.drop { "'\"`".contains($0) }.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
            if !name.isEmpty { names.insert(String(name)) }
        }
        return names
    }

    /// What a gateway says goes into logs and terminals: one line, not too long.
    static func printable(_ text: String) -> String {
        let line = String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 }.prefix(300))
        return String(
            String.UnicodeScalarView(line.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }
}

// MARK: Pairing

extension ConnectFailure {
    private static func pairing(_ fault: GatewayFault) -> ConnectFailure {
        let details = fault.details
        let waits =
            details?["pauseReconnect"]?.bool == false
            || details?["recommendedNextStep"]?.string == "wait_then_retry"
        var failure = ConnectFailure(.pairing, retry: waits ? .backoff : nil)
        let id = (details?["requestId"]?.string ?? requestID(in: fault.message)).flatMap { isRequestID($0) ? $0 : nil }
        switch details?["reason"]?.string {
        case "scope-upgrade":
            failure.reason = "the gateway must approve the additional scopes that are asked for"
            let approved = details?["approvedScopes"]?.array?.compactMap(\.string) ?? []
            if !approved.isEmpty { failure.reason += printable(" (approved now: \(approved.joined(separator: ", ")))") }
        case "role-upgrade": failure.reason = "the gateway must approve the role that is asked for"
        case "metadata-upgrade":
            failure.reason = "this device looks different since it was approved, and must be approved anew"
        default: break
        }
        if let id {
            failure.reason += " (request \(id))"
            failure.remedy = "On the gateway, run: openclaw devices approve \(id)"
        }
        return failure
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
