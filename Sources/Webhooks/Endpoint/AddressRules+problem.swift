package import MiddlewareKit

extension AddressRules {
    /// Why an address may not be called, as far as that can be known without asking anybody for it; names the options that
    /// would allow it.
    package func problem(of url: HTTPAddress) -> String? {
        if let refusal = refusal(ofPort: url.port) { return "\(refusal); add it to `ports`" }
        guard let refusal = IPAddress(url.host).flatMap(refusal(of:)) else { return nil }
        return "\(url.host) may not be called: \(refusal); name its network in `allow-private`"
    }
}
