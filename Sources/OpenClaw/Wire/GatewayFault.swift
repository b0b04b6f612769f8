import JSON

/// The error object of a `res` frame (OpenClaw protocol: error object), read leniently.
struct GatewayFault: Sendable, Equatable {
    var code: String
    var message: String
    var details: JSONValue?
    var isRetryable: Bool
    var retryAfterMs: Int?

    init(code: String, message: String, details: JSONValue? = nil, isRetryable: Bool = false, retryAfterMs: Int? = nil)
    {
        self.code = code
        self.message = message
        self.details = details
        self.isRetryable = isRetryable
        self.retryAfterMs = retryAfterMs
    }

    /// A failed answer without a usable error still fails.
    init(json: JSONValue?) {
        self.init(
            code: json?["code"]?.string ?? "UNKNOWN",
            message: json?["message"]?.string ?? json?.string ?? "the gateway gives no reason",
            details: json?["details"],
            isRetryable: json?["retryable"]?.bool ?? false,
            retryAfterMs: json?["retryAfterMs"]?.int ?? json?["details"]?["retryAfterMs"]?.int
        )
    }

    /// The word to decide by; padded or missing in some gateways.
    var detailCode: String { details?["code"]?.string?.trimmed ?? "" }

    /// The scope that was not granted; protocol 3 says it in words only.
    var missingScope: String? {
        if detailCode == "MISSING_SCOPE", let scope = details?["missingScope"]?.string { return scope }
        let words = "missing scope: "
        return message.hasPrefix(words) ? String(message.dropFirst(words.count)).trimmed : nil
    }

    /// The gateway is still starting: worth asking again at once.
    var isStartup: Bool {
        code == "UNAVAILABLE" && (details?["reason"]?.string == "startup-sidecars")
    }

    /// The gateway takes no requests just now and will take them again (OpenClaw protocol: error object).
    var isBusy: Bool {
        let reason = details?["reason"]?.string
        return reason == "gateway-restarting" || reason == "gateway-suspending"
            || (code == "UNAVAILABLE" && isRetryable)
    }

    /// How long a gateway that takes no requests just now is to be left alone.
    var patience: Duration { .milliseconds(min(max(retryAfterMs ?? 1_000, 100), 30_000)) }

    /// How long to wait for a gateway that is starting (OpenClaw protocol: class F).
    var startupDelay: Duration { .milliseconds(min(max(retryAfterMs ?? 500, 100), 2_000)) }
}
