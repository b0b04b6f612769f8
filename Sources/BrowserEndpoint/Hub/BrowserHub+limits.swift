import MiddlewareKit
import OpenClaw

/// What a gateway would not take is refused before it is stored.
extension BrowserHub {
    /// - Throws: ``Rejection`` that says what is wrong with the message and what to do instead.
    func check(_ message: InboundMessage, for gateway: String, from principal: Principal) throws {
        if let objection = objection(to: message, for: gateway, from: principal) { throw objection }
    }

    func objection(to message: InboundMessage, for gateway: String, from principal: Principal) -> Rejection? {
        gateways.assumeIsolated { $0.objection(to: message, for: gateway, from: principal) }
    }
}
