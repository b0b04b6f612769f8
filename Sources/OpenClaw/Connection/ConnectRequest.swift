import JSON
package import MiddlewareKit

/// The first request on a socket (OpenClaw protocol: handshake). The gateway checks it as a closed object: what is
/// unknown is left out, never null.
package struct ConnectRequest: Sendable {
    package enum SignatureVersion: String, Sendable { case v2, v3 }

    static let minProtocol = 3
    static let maxProtocol = 4
    static let clientID = "gateway-client"
    /// `webchat` would force a check of the Origin header, and having none counts as a failed check.
    static let mode = "backend"
    static let role = "operator"
    /// Pinned when the device is paired: must never hold a version.
    static let platform = "linux"
    /// Tells this process from others of the same device.
    static let instanceID = "sluice-" + Hex.encode((0..<8).map { _ in UInt8.random(in: .min ... .max) })
    /// What an older gateway may not know, and what it can do without.
    static let optionalMembers: Set<String> = ["userAgent", "displayName", "instanceId", "caps", "deviceToken"]

    var identity: DeviceIdentity
    var version: String
    var scopes: [String]
    var token: Secret?
    var password: Secret?
    /// What the gateway issued; stands in for a shared secret where there is none.
    var deviceToken: DeviceToken?
    /// What this client can do with events (OpenClaw protocol: capabilities).
    var capabilities: [String] = []
    /// Sends it beside the shared token: the one special retry.
    var addsDeviceToken = false
    var signature = SignatureVersion.v3
    /// Optional members that this gateway refused.
    var omitted: Set<String> = []

    var hasSharedSecret: Bool { token != nil || password != nil }

    func params(nonce: String, now: Timestamp) throws -> JSONValue {
        let standIn = hasSharedSecret ? nil : deviceToken?.secret
        let token = token ?? standIn
        var auth = JSONObject()
        auth["token"] = token.map { .string($0.revealed) }
        auth["password"] = password.map { .string($0.revealed) }
        if let deviceToken = standIn ?? (addsDeviceToken ? deviceToken?.secret : nil), !omitted.contains("deviceToken")
        {
            auth["deviceToken"] = .string(deviceToken.revealed)
        }
        let payload = Self.signaturePayload(
            signature,
            deviceID: identity.deviceID,
            scopes: scopes,
            signedAt: now,
            token: token?.revealed ?? "",
            nonce: nonce
        )
        var params = JSONObject()
        params["minProtocol"] = .integer(Int64(Self.minProtocol))
        params["maxProtocol"] = .integer(Int64(Self.maxProtocol))
        params["client"] = .object(client)
        params["role"] = .string(Self.role)
        params["scopes"] = .array(scopes.map(JSONValue.string))
        if !omitted.contains("caps") { params["caps"] = .array(capabilities.map(JSONValue.string)) }
        params["device"] = [
            "id": .string(identity.deviceID),
            "publicKey": .string(identity.publicKey),
            "signature": .string(try identity.sign(payload)),
            "signedAt": .integer(now.milliseconds),
            "nonce": .string(nonce),
        ]
        if !omitted.contains("userAgent") { params["userAgent"] = .string("sluice/\(version)") }
        if auth.count > 0 { params["auth"] = .object(auth) }
        return .object(params)
    }

    private var client: JSONObject {
        var client: JSONObject = ["id": .string(Self.clientID)]
        if !omitted.contains("displayName") { client["displayName"] = "Sluice" }
        client["version"] = .string(version)
        client["platform"] = .string(Self.platform)
        client["mode"] = .string(Self.mode)
        if !omitted.contains("instanceId") { client["instanceId"] = .string(Self.instanceID) }
        return client
    }

    /// The string that is signed (OpenClaw protocol: device identity and signature): fields joined with `|`, unescaped.
    package static func signaturePayload(
        _ version: SignatureVersion,
        deviceID: String,
        scopes: [String],
        signedAt: Timestamp,
        token: String,
        nonce: String,
        platform: String = platform,
        deviceFamily: String = ""
    ) -> String {
        var fields = [
            version.rawValue, deviceID, clientID, mode, role, scopes.joined(separator: ","),
            String(signedAt.milliseconds), token, nonce,
        ]
        if version == .v3 { fields += [platform.trimmed.asciiLowercased, deviceFamily.trimmed.asciiLowercased] }
        return fields.joined(separator: "|")
    }
}

extension String {
    fileprivate var asciiLowercased: String {
        String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }
}
