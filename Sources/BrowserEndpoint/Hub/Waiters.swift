/// Tasks that wait for something to happen on the hub's event loop, each until it happens or for as long as it has patience.
struct Waiters {
    private var continuations: [Int: CheckedContinuation<Void, Never>] = [:]
    private var lastNumber = 0

    /// - Returns: The number under which `giveUp` lets it go on.
    mutating func add(_ continuation: CheckedContinuation<Void, Never>) -> Int {
        lastNumber += 1
        continuations[lastNumber] = continuation
        return lastNumber
    }

    mutating func resumeAll() {
        let all = continuations
        continuations = [:]
        for continuation in all.values { continuation.resume() }
    }

    /// - Returns: Whether it was still waiting.
    mutating func giveUp(_ number: Int) -> Bool {
        guard let continuation = continuations.removeValue(forKey: number) else { return false }
        continuation.resume()
        return true
    }
}
