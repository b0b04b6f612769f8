import Crypto
import MiddlewareKit

/// One limit: what messages are counted by, and how many may come.
struct Limit: Sendable {
    private let rule: RateLimitRule
    let rate: TokenBucket.Rate

    init(_ rule: RateLimitRule) {
        self.rule = rule
        rate = TokenBucket.Rate(interval: rule.per / rule.requests, capacity: rule.burst ?? rule.requests)
    }

    /// What the message is counted under. A digest, so that a key takes the same memory however long its names are.
    func key(of message: InboundMessage, _ context: MessageContext) -> SHA256Digest {
        let names = rule.key.flatMap { part in
            switch part {
            case .user: [context.principal?.user ?? ""]
            case .ip: [address(of: context.connection)]
            case .connection: [context.connection?.id ?? ""]
            case .session: [message.gateway, message.sessionKey ?? ""]
            case .gateway: [message.gateway]
            }
        }
        // The lengths keep ["ab", "c"] and ["a", "bc"] apart.
        return SHA256.hash(data: names.flatMap { Array("\($0.utf8.count):\($0)".utf8) })
    }

    /// Where the address is not known, as in a recording, the connection stands for it.
    private func address(of connection: ConnectionInfo?) -> String {
        guard let connection else { return "" }
        return connection.remoteAddress.isEmpty ? connection.id : clientNetwork(of: connection.remoteAddress)
    }

    func rejection(wait: Duration) -> Rejection {
        let whole = wait.wholeMilliseconds
        let milliseconds = Int(Duration.milliseconds(whole) < wait ? whole + 1 : whole)
        let each = rule.key.map(\.words).joined(separator: " and ")
        return Rejection(
            code: "rate_limited",
            message: "Too many messages: \(rule.requests) \(period) for each \(each). Try again in "
                + "\(Self.text(milliseconds: milliseconds)).",
            retryAfterMs: milliseconds)
    }

    private var period: String {
        switch rule.per {
        case .seconds(1): "per second"
        case .seconds(60): "per minute"
        case .seconds(3600): "per hour"
        case .seconds(86_400): "per day"
        default: "in \(rule.per.optionText)"
        }
    }

    /// Rounded up, in a unit that a person would choose.
    private static func text(milliseconds: Int) -> String {
        let seconds = (milliseconds + 999) / 1000
        return switch seconds {
        case ...120: "\(seconds) s"
        case ...7200: "\((seconds + 59) / 60) min"
        default: "\((seconds + 3599) / 3600) h"
        }
    }
}

extension RateLimitRule.KeyPart {
    fileprivate var words: String { self == .ip ? "address" : rawValue }
}
