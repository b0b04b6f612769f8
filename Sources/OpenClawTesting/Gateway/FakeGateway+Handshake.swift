import Foundation
import JSON
import WebSocketTransport

/// `connect` and `hello-ok` (OpenClaw protocol: handshake).
extension FakeGateway {
    /// Device clocks may be off by two minutes; the first protocol 3 gateways allowed ten.
    private var allowedSkewMs: Int64 { options.protocolVersion == .v4 ? 120_000 : 600_000 }

    func handshake(_ request: RequestFrame, from id: Int) {
        guard let nonce = connections[id]?.nonce else { return }
        do {
            guard request.method == "connect" else {
                throw GatewayRefusal.invalidRequest("invalid handshake: first request must be connect")
            }
            guard !faults.contains(.noHello) else { return }
            try refuseByFault()
            let admission = try admit(request.parameters, nonce: nonce)
            connections[id]?.admission = admission
            respond(to: request.id, trimmed(hello(admission)), on: id)
            broadcastSeq += 1
            sendEvent("health", healthPayload, to: id)
        } catch {
            let refusal = error as? GatewayRefusal ?? .invalidRequest("\(error)")
            respond(to: request.id, refusal, on: id)
            connections[id]?.socket.close(code: refusal.closeCode, reason: refusal.message)
        }
    }

    private func refuseByFault() throws(GatewayRefusal) {
        for (position, fault) in faults.enumerated() {
            guard case .refuseConnect(let refusal, let times) = fault else { continue }
            if times > 1 {
                faults[position] = .refuseConnect(refusal, times: times == .max ? .max : times - 1)
            } else {
                faults.remove(at: position)
            }
            throw refusal
        }
    }

    /// The checks in the gateway's order: shape, protocol, role, origin, device, secret, scopes.
    private func admit(_ parameters: JSONValue, nonce: String) throws(GatewayRefusal) -> Admission {
        let shape = GatewayMethod.connect.parameters(options.protocolVersion).without(options.unknownConnectMembers)
        let problems = shape.problems(in: parameters)
        guard problems.isEmpty else {
            throw .invalidRequest("invalid connect params: \(problems.joined(separator: "; "))")
        }
        try checkProtocol(parameters)
        let role = parameters["role"]?.string ?? "operator"
        guard role == "operator" || role == "node" else { throw .invalidRequest("invalid role") }
        try checkOrigin(parameters)
        var deviceID: String?
        if parameters["device"] != nil {
            let proof = DeviceProof(
                parameters: parameters,
                nonce: nonce,
                now: options.now(),
                allowedSkew: allowedSkewMs,
                isOldOnly: options.verifiesOldSignaturesOnly
            )
            deviceID = try proof.verify()
        }
        try checkSecret(parameters["auth"], deviceID: deviceID)
        if let deviceID { try checkPairing(parameters, deviceID: deviceID) }
        return Admission(scopes: grantedScopes(parameters, hasDevice: deviceID != nil), deviceID: deviceID)
    }

    private func checkProtocol(_ parameters: JSONValue) throws(GatewayRefusal) {
        let spoken = options.protocolVersion.rawValue
        let lowest = parameters["minProtocol"]?.int ?? 0
        let highest = parameters["maxProtocol"]?.int ?? 0
        if lowest <= spoken, spoken <= highest { return }
        var details: JSONObject = ["expectedProtocol": .integer(Int64(spoken))]
        if options.protocolVersion == .v4 {
            details["code"] = "PROTOCOL_MISMATCH"
            details["clientMinProtocol"] = .integer(Int64(lowest))
            details["clientMaxProtocol"] = .integer(Int64(highest))
            details["minimumProbeProtocol"] = .integer(Int64(spoken - 1))
        }
        var refusal = GatewayRefusal.invalidRequest("protocol mismatch", details: .object(details))
        refusal.closeCode = 1002
        throw refusal
    }

    /// Browser clients must show an Origin header that the gateway allows; no client of ours is one.
    private func checkOrigin(_ parameters: JSONValue) throws(GatewayRefusal) {
        let client = parameters["client"]
        let isBrowser =
            client?["mode"]?.string == "webchat"
            || ["webchat-ui", "openclaw-control-ui"].contains(client?["id"]?.string ?? "")
        if isBrowser {
            throw .connect("CONTROL_UI_ORIGIN_NOT_ALLOWED", "origin not allowed (origin missing or invalid)")
        }
    }

    private func checkSecret(_ auth: JSONValue?, deviceID: String?) throws(GatewayRefusal) {
        guard token != nil || password != nil else { return }
        let given = auth?["token"]?.string
        if let token, given == token { return }
        if let password, auth?["password"]?.string == password { return }
        if let deviceID, let issued = deviceTokens[deviceID], (auth?["deviceToken"]?.string ?? given) == issued {
            return
        }
        if auth?["deviceToken"] != nil {
            throw .auth("AUTH_DEVICE_TOKEN_MISMATCH", "device_token_mismatch", "device token mismatch")
        }
        if token != nil {
            throw given == nil
                ? .auth("AUTH_TOKEN_MISSING", "token_missing", "gateway token missing")
                : .auth("AUTH_TOKEN_MISMATCH", "token_mismatch", "gateway token mismatch")
        }
        throw auth?["password"] == nil
            ? .auth("AUTH_PASSWORD_MISSING", "password_missing", "gateway password missing")
            : .auth("AUTH_PASSWORD_MISMATCH", "password_mismatch", "gateway password mismatch")
    }

    private func grantedScopes(_ parameters: JSONValue, hasDevice: Bool) -> [String] {
        guard hasDevice || !options.requiresDevice else { return [] }
        let asked = parameters["scopes"]?.array?.compactMap(\.string) ?? []
        if asked.isEmpty, options.protocolVersion == .v3 { return ["operator.admin"] }
        for case .grantOnly(let scopes) in faults { return Set(asked).intersection(scopes).sorted() }
        return Set(asked).sorted()
    }

    private func trimmed(_ hello: JSONValue) -> JSONValue {
        faults.reduce(hello) { hello, fault in
            guard case .helloWithout(let members) = fault else { return hello }
            return members.reduce(hello) { $0.without($1.split(separator: ".").map(String.init)[...]) }
        }
    }

    private func hello(_ admission: Admission) -> JSONValue {
        var auth: JSONObject = ["role": "operator", "scopes": .array(admission.scopes.map { .string($0) })]
        if let deviceID = admission.deviceID {
            let known = options.rotatesDeviceTokens ? nil : deviceTokens[deviceID]
            let token = known ?? "device-token-\(UUID().uuidString.lowercased())"
            deviceTokens[deviceID] = token
            auth["deviceToken"] = .string(token)
            auth["issuedAtMs"] = now
        }
        var features: JSONObject = [
            "methods": .array(
                GatewayMethod.allCases.dropFirst().filter(offers).map { .string($0.rawValue) }),
            "events": ["connect.challenge", "agent", "chat", "tick", "shutdown", "health", "sessions.changed"],
        ]
        if options.protocolVersion == .v4 { features["capabilities"] = [] }
        return [
            "type": "hello-ok",
            "protocol": .integer(Int64(options.protocolVersion.rawValue)),
            "server": [
                "version": .string(options.serverVersion), "connId": .string(UUID().uuidString.lowercased()),
            ],
            "features": .object(features),
            "snapshot": [
                "presence": [],
                "health": healthPayload,
                "stateVersion": ["presence": 1, "health": 1],
                "uptimeMs": .integer(max(0, options.now() - startedAt)),
                "sessionDefaults": [
                    "defaultAgentId": .string(keys.defaultAgentID),
                    "mainKey": .string(options.mainKey),
                    "mainSessionKey": .string(keys.mainSessionKey),
                    "scope": .string(options.hasGlobalScope ? "global" : "per-sender"),
                ],
            ],
            "auth": .object(auth),
            "policy": policy,
        ]
    }

    private var policy: JSONValue {
        let ticks = options.tickInterval.components
        var policy: JSONObject = [
            "maxPayload": .integer(Int64(options.maxPayload)),
            "maxBufferedBytes": .integer(Int64(options.maxBufferedBytes)),
            "tickIntervalMs": .integer(ticks.seconds * 1000 + ticks.attoseconds / 1_000_000_000_000_000),
        ]
        if let limits = options.attachmentLimits {
            policy["attachments"] = [
                "maxBytes": .integer(Int64(limits.maxBytes)), "maxImageBytes": .integer(Int64(limits.maxImageBytes)),
            ]
        }
        return .object(policy)
    }
}

extension GatewayRefusal {
    fileprivate static func auth(_ code: String, _ reason: String, _ message: String) -> GatewayRefusal {
        let step = code.hasSuffix("MISSING") ? "update_auth_configuration" : "update_auth_credentials"
        let details: JSONValue = [
            "code": .string(code), "authReason": .string(reason), "canRetryWithDeviceToken": false,
            "recommendedNextStep": .string(step),
        ]
        return .invalidRequest("unauthorized: \(message)", details: details)
    }
}

extension JSONValue {
    /// The value without the member that the path leads to.
    fileprivate func without(_ path: ArraySlice<String>) -> JSONValue {
        guard let first = path.first, var members = object, let member = members[first] else { return self }
        // A bare nil would be JSON's null.
        members[first] = path.count == 1 ? JSONValue?.none : member.without(path.dropFirst())
        return .object(members)
    }
}
