import JSON

/// Which devices the administrator approved, and which wait (OpenClaw protocol: pairing).
extension FakeGateway {
    /// A device that asks to be let in.
    public struct PairingRequest: Sendable, Hashable {
        public let id: String
        public let deviceID: String
        public let scopes: [String]
        /// `not-paired`, `scope-upgrade` or `metadata-upgrade`.
        public let reason: String
    }

    /// What the administrator said yes to.
    struct PairedDevice {
        var scopes: [String]
        /// Pinned: a device that looks different must be approved anew.
        var metadata: [String]
    }

    struct Pairing {
        var devices: [String: PairedDevice] = [:]
        var requests: [PairingRequest] = []
        var metadata: [String: [String]] = [:]
        var lastRequest = 0
    }

    /// The devices that wait for approval, oldest first. See ``Options/requiresApproval``.
    public var pairingRequests: [PairingRequest] { pairing.requests }

    /// What `openclaw devices approve` does. False: there is no such request.
    ///
    /// - Parameter scopes: Fewer than the device asks for; nil: all of them.
    @discardableResult
    public func approve(_ requestID: String, scopes: [String]? = nil) -> Bool {
        guard let index = pairing.requests.firstIndex(where: { $0.id == requestID }) else { return false }
        let request = pairing.requests.remove(at: index)
        pairing.devices[request.deviceID] = PairedDevice(
            scopes: scopes ?? request.scopes, metadata: pairing.metadata[request.deviceID] ?? [])
        return true
    }

    /// The devices that were approved.
    public var pairedDevices: [String] { pairing.devices.keys.sorted() }

    /// What `openclaw devices remove` does: the device must be approved anew, and its token is void.
    public func removeDevice(_ deviceID: String) {
        pairing.devices[deviceID] = nil
        deviceTokens[deviceID] = nil
    }

    func checkPairing(_ parameters: JSONValue, deviceID: String) throws(GatewayRefusal) {
        guard options.requiresApproval else { return }
        let client = parameters["client"]
        let metadata = ["platform", "deviceFamily"].map { client?[$0]?.string ?? "" }
        let scopes = parameters["scopes"]?.array?.compactMap(\.string) ?? []
        let reason: String
        if let device = pairing.devices[deviceID] {
            let isCovered = device.scopes.contains("operator.admin") || Set(scopes).isSubset(of: device.scopes)
            if isCovered, device.metadata == metadata { return }
            reason = isCovered ? "metadata-upgrade" : "scope-upgrade"
        } else {
            reason = "not-paired"
        }
        pairing.metadata[deviceID] = metadata
        throw refusal(request(deviceID, scopes: scopes, reason: reason))
    }

    /// Asking again with the same wishes does not make another request.
    private func request(_ deviceID: String, scopes: [String], reason: String) -> PairingRequest {
        if let known = pairing.requests.first(where: {
            $0.deviceID == deviceID && $0.scopes == scopes && $0.reason == reason
        }) {
            return known
        }
        pairing.requests.removeAll { $0.deviceID == deviceID }
        pairing.lastRequest += 1
        let new = PairingRequest(
            id: "request-\(pairing.lastRequest)", deviceID: deviceID, scopes: scopes, reason: reason)
        pairing.requests.append(new)
        return new
    }

    private func refusal(_ request: PairingRequest) -> GatewayRefusal {
        let approved = pairing.devices[request.deviceID]?.scopes ?? []
        return .pairingRequired(requestID: request.id, reason: request.reason, approvedScopes: approved)
    }
}
