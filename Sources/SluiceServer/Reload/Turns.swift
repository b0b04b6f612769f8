/// Lets one piece of work run after the other. Whoever asks while one is under way gets the next one of the wanted kind, which all
/// who ask meanwhile share: it begins after each of them has asked.
actor Turns<Kind: Hashable & Sendable, Result: Sendable> {
    private var underWay: Task<Result, Never>?
    /// Those that have not begun; one a kind.
    private var waiting: [Kind: Task<Result, Never>] = [:]
    /// The last of all.
    private var newest: Task<Result, Never>?

    var waitingCount: Int { waiting.count }

    func take(_ kind: Kind, _ work: @escaping @Sendable () async -> Result) async -> Result {
        if let shared = waiting[kind] { return await shared.value }
        let before = newest
        // A task of its own, so that it can be shared, and cancelled whoever asked for it. There are never more than one that is
        // under way and one of each kind.
        let turn = Task {
            _ = await before?.value
            begin(kind)
            return await work()
        }
        (waiting[kind], newest) = (turn, turn)
        return await turn.value
    }

    private func begin(_ kind: Kind) { underWay = waiting.removeValue(forKey: kind) }

    /// Cancels all, that which is under way and those that wait.
    func cancel() {
        underWay?.cancel()
        for turn in waiting.values { turn.cancel() }
    }
}
