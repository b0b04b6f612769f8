import DequeModule

/// How far the frames of the runs that ended lately were numbered. A run may go on after its end: its answer came too late,
/// or its message was sent again. Its numbers go on too, as browsers know it by its id.
struct LastNumbers {
    private static let limit = 4_000

    private var numbers: [BrowserHub.RunKey: Int] = [:]
    /// The oldest first.
    private var order: Deque<BrowserHub.RunKey> = []

    mutating func keep(_ number: Int, of key: BrowserHub.RunKey) {
        guard numbers.updateValue(number, forKey: key) == nil else { return }
        order.append(key)
        if order.count > Self.limit { numbers[order.removeFirst()] = nil }
    }

    /// 0: nothing is known of the run.
    subscript(key: BrowserHub.RunKey) -> Int { numbers[key] ?? 0 }
}
