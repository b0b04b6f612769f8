/// Chat messages that wait for their gateway, oldest first.
struct ChatQueue {
    struct Entry {
        let runID: String
        let sessionKey: String
        let resume: (GatewayError?) -> Void
    }

    private(set) var entries: [Entry] = []

    var count: Int { entries.count }

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// Lets all go on, in the order in which they came.
    mutating func release(_ error: GatewayError? = nil) {
        let released = entries
        entries = []
        for entry in released { entry.resume(error) }
    }

    /// Ends the waiting of one message, or of all of a session.
    ///
    /// - Returns: The runs that were waiting.
    mutating func end(sessionKey: String, runID: String?, with error: GatewayError?) -> [String] {
        let isMeant = { (entry: Entry) in entry.sessionKey == sessionKey && (runID == nil || entry.runID == runID) }
        let ended = entries.filter(isMeant)
        entries.removeAll(where: isMeant)
        for entry in ended { entry.resume(error) }
        return ended.map(\.runID)
    }
}
