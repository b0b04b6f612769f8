/// Replies by which an agent says that it has nothing to say. They are for the gateway, not for people
/// (OpenClaw protocol: chat events; older gateways leak them).
enum SilentReply {
    private static let tokens = ["NO_REPLY", "ANNOUNCE_SKIP", "REPLY_SKIP"]
    private static let longestToken = tokens.map(\.utf8.count).max() ?? 0
    /// A text with more escaped bytes than this is no beginning of a token.
    static let longestPrefix = 64

    /// Whether the whole text is one of the tokens. Case and white space around it do not count.
    static func isToken(_ text: String) -> Bool {
        let text = text.trimmed
        // Most texts are long, and changing the case of a long text takes its time.
        return text.utf8.count <= longestToken && tokens.contains(text.uppercased())
    }

    /// Whether the text may still become a token: to be withheld while it streams in.
    static func isPrefix(_ text: String) -> Bool {
        let text = text.trimmed.uppercased()
        return tokens.contains { $0.hasPrefix(text) }
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }) else { return "" }
        let last = lastIndex { !$0.isWhitespace } ?? first
        return String(self[first...last])
    }
}
