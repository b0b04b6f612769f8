/// The addresses at which gateways listen.
package enum GatewayAddress {
    /// What is wrong with a URL, to stand after its name; nil: nothing.
    ///
    /// Secrets have no place in it: everybody who may chat sees the URL.
    package static func problem(of text: String) -> String? {
        let wrong = "must be an address such as ws://127.0.0.1:18789 or wss://example.com"
        guard let scheme = ["ws://", "wss://"].first(where: text.hasPrefix) else { return wrong }
        guard !text.contains(where: { $0.isWhitespace || $0 == "#" }) else { return wrong }
        let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
        if authority.contains("@") { return "must not hold a user or a password; give `token` or `password` beside it" }
        if text.contains("?") { return "must not have a query; give `token` or `password` beside it" }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        let port = authority.dropFirst(host.count)
        guard !host.isEmpty, host != "[]" else { return wrong }
        if port.isEmpty { return nil }
        guard port.first == ":", let number = Int(port.dropFirst()), (1...65535).contains(number) else {
            return "has a port that is no number from 1 to 65535"
        }
        return nil
    }
}
