/// How the newest runs ended, for requests that come again (OpenClaw protocol: five minutes, 1000 entries).
struct FinishedRuns {
    enum Outcome: Equatable {
        case ended
        case failed(message: String)
    }

    private static let capacity = 1000
    private static let lifetimeMs: Int64 = 300_000
    private var outcomes: [String: (outcome: Outcome, time: Int64)] = [:]
    private var order: [String] = []

    mutating func record(_ id: String, _ outcome: Outcome, at time: Int64) {
        if outcomes.updateValue((outcome, time), forKey: id) == nil { order.append(id) }
        if order.count > Self.capacity { outcomes[order.removeFirst()] = nil }
    }

    func outcome(_ id: String, at time: Int64) -> Outcome? {
        guard let entry = outcomes[id], time - entry.time <= Self.lifetimeMs else { return nil }
        return entry.outcome
    }
}
