package import JSON

/// An error as the gateway answers it: `{code, message, details?, retryable?, retryAfterMs?}`.
public struct GatewayRefusal: Error, Sendable, Hashable {
    /// The frame's own code, such as `INVALID_REQUEST`, `NOT_PAIRED` or `UNAVAILABLE`.
    public var code: String
    public var message: String
    /// The `details` object as JSON text.
    public var details: String?
    public var isRetryable: Bool?
    public var retryAfterMs: Int?
    /// What the connection closes with when `connect` was refused; other requests leave it open.
    public var closeCode: UInt16

    public init(
        code: String,
        message: String,
        details: String? = nil,
        isRetryable: Bool? = nil,
        retryAfterMs: Int? = nil,
        closeCode: UInt16 = 1008
    ) {
        self.code = code
        self.message = message
        self.details = details
        self.isRetryable = isRetryable
        self.retryAfterMs = retryAfterMs
        self.closeCode = closeCode
    }

    /// A refusal of `connect` with any `details.code`, such as `AUTH_RATE_LIMITED`.
    public static func connect(_ detailsCode: String, _ message: String) -> GatewayRefusal {
        GatewayRefusal(
            code: "INVALID_REQUEST",
            message: message,
            details: JSONValue.object(["code": .string(detailsCode)]).encoded()
        )
    }

    /// The device waits for the administrator's approval (OpenClaw protocol: pairing).
    public static func pairingRequired(
        requestID: String, reason: String = "not-paired", approvedScopes: [String] = []
    ) -> GatewayRefusal {
        var details: JSONObject = [
            "code": "PAIRING_REQUIRED", "requestId": .string(requestID), "reason": .string(reason),
            "remediationHint": "approve the device on the gateway",
        ]
        if !approvedScopes.isEmpty { details["approvedScopes"] = .array(approvedScopes.map { .string($0) }) }
        return GatewayRefusal(
            code: "NOT_PAIRED",
            message: "pairing required: device is not approved yet",
            details: JSONValue.object(details).encoded()
        )
    }

    /// The gateway has not finished starting; closes 1013.
    public static let starting = GatewayRefusal(
        code: "UNAVAILABLE",
        message: "gateway starting; retry shortly",
        details: #"{"reason":"startup-sidecars"}"#,
        isRetryable: true,
        retryAfterMs: 500,
        closeCode: 1013
    )

    static func invalidRequest(_ message: String, details: JSONValue? = nil) -> GatewayRefusal {
        GatewayRefusal(code: "INVALID_REQUEST", message: message, details: details?.encoded())
    }

    static func device(_ detailsCode: String, _ message: String) -> GatewayRefusal { .connect(detailsCode, message) }

    package var json: JSONValue {
        var object: JSONObject = ["code": .string(code), "message": .string(message)]
        object["details"] = details.flatMap { try? JSONValue(parsing: $0) }
        object["retryable"] = isRetryable.map { .bool($0) }
        object["retryAfterMs"] = retryAfterMs.map { .integer(Int64($0)) }
        return .object(object)
    }
}
