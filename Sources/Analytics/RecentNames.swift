/// Names of the newest messages, to know one that comes again. Bounded: of those that came long ago nothing is known.
struct RecentNames {
    private static let capacity = 10_000

    private var newest: Set<UInt64> = []
    /// Those before, until there are as many newer ones.
    private var older: Set<UInt64> = []

    /// - Returns: Whether the name is new.
    mutating func insert(_ name: UInt64) -> Bool {
        guard !older.contains(name), newest.insert(name).inserted else { return false }
        if newest.count >= Self.capacity { (older, newest) = (newest, []) }
        return true
    }
}
