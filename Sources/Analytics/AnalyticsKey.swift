/// What figures are kept apart by. Nil: not known, or not told.
package struct AnalyticsKey: Sendable, Hashable {
    /// Empty: not known.
    package var gateway: String
    package var agent: String?
    /// `provider/id`. Only what concerns a reply has one.
    package var model: String?
    package var user: String?

    package init(gateway: String, agent: String? = nil, model: String? = nil, user: String? = nil) {
        self.gateway = gateway
        self.agent = agent
        self.model = model
        self.user = user
    }
}

/// The key and the minute of some figures.
package struct AnalyticsCell: Sendable, Hashable {
    /// Seconds since 1970; a multiple of 60.
    package var minute: Int64
    package var key: AnalyticsKey

    package init(minute: Int64, key: AnalyticsKey) {
        self.minute = minute
        self.key = key
    }
}

/// The FNV-1a hash of words, the same in every process (http://www.isthe.com/chongo/tech/comp/fnv), with its bits mixed so that
/// any of them can be used.
package func stableHash(_ words: String...) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for word in words {
        for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // No UTF-8 text holds this byte, so "ab" + "c" is not "a" + "bc".
        hash = (hash ^ 0xFF) &* 0x100_0000_01b3
    }
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    return hash ^ (hash >> 33)
}
