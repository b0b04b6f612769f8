import WebSocketTransport

extension GatewayStateMachine.Options {
    package init(
        configuration: GatewayConfiguration,
        identity: DeviceIdentity,
        version: String,
        deviceToken: DeviceToken? = nil
    ) {
        self.init(
            gatewayID: configuration.id,
            isTrustedEndpoint: Self.isTrusted(configuration),
            connect: ConnectRequest(
                identity: identity,
                version: version,
                scopes: configuration.wantedScopes,
                token: configuration.token,
                password: configuration.password,
                deviceToken: deviceToken,
                capabilities: configuration.approvals == .off ? [] : ["approvals", "exec-approvals"]
            ),
            requestTimeout: configuration.requestTimeout,
            retryDelay: configuration.retryDelay
        )
    }

    /// A device token is shown beside a shared one only where nobody else can be the gateway.
    private static func isTrusted(_ configuration: GatewayConfiguration) -> Bool {
        let isPinned = configuration.url.lowercased().hasPrefix("wss://") && configuration.tls.pin != nil
        return isPinned || isLoopback(url: configuration.url)
    }

    private static func isLoopback(url: String) -> Bool {
        guard let scheme = url.firstRange(of: "://") else { return false }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        if authority.hasPrefix("[::1]") { return true }
        let host = authority.prefix { $0 != ":" }
        if host.lowercased() == "localhost" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }
}
