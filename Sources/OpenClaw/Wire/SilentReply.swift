/// Replies by which an agent says that it has nothing to say. They are for the gateway, not for people
/// (OpenClaw protocol: chat events; older gateways leak them).
enum SilentReply {
    private static let tokens = ["NO_REPLY", "ANNOUNCE_SKIP", "REPLY_SKIP"]
    /// A text with more escaped bytes than this is no beginning of a token.
    static let longestPrefix = 64

    /// Whether the whole text is one of the tokens. Case and white space around it do not count.
    static func isToken(_ text: String) -> Bool {
        tokens.contains(normalised(text))
    }

    /// Whether the text may still become a token: to be withheld while it streams in.
    static func isPrefix(_ text: String) -> Bool {
        let text = normalised(text)
        return tokens.contains { $0.hasPrefix(text) }
    }

    private static func normalised(_ text: String) -> String { text.trimmed.uppercased() }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }) else { return "" }
        let last = lastIndex { !$0.isWhitespace } ?? first
        return String(self[first...last])
    }
}
