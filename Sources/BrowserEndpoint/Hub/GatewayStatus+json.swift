import JSON
import MiddlewareKit
import OpenClaw

extension GatewayStatus {
    /// What somebody may know of it: who is no administrator is told neither where the gateway is, nor what to do about it.
    func told(to principal: Principal?, of gateway: String) -> GatewayStatus {
        guard principal?.isAdministrator != true else { return self }
        var status = self
        (status.code, status.remedy, status.lastError, status.serverVersion) = (nil, nil, nil, nil)
        // What is the matter with a connection that is up, such as a wrong token beside a right one, is not for them.
        if reason != nil { status.reason = isConnected ? nil : "the gateway “\(gateway)” cannot be reached" }
        return status
    }
}

extension JSONObject {
    /// All that a status says, with the same names wherever it is shown. Times are milliseconds since 1970.
    mutating func add(_ status: GatewayStatus) {
        self["connected"] = .bool(status.isConnected)
        self["state"] = .string(status.state.rawValue)
        self["since"] = .integer(status.since.milliseconds)
        self["attempts"] = .integer(Int64(status.attempts))
        self["code"] = status.code.map { .string($0) }
        self["reason"] = status.reason.map { .string($0) }
        self["remedy"] = status.remedy.map { .string($0) }
        self["retryAt"] = status.retryAt.map { .integer($0.milliseconds) }
        self["lastError"] = status.lastError.map { .string($0) }
        self["protocol"] = status.protocolVersion.map { .integer(Int64($0)) }
        self["serverVersion"] = status.serverVersion.map { .string($0) }
        self["latencyMs"] = status.latency.map { .integer($0.wholeMilliseconds) }
    }
}
