import DequeModule
import MiddlewareKit

/// How far the frames of the runs that ended lately were numbered. A run may go on after its end: its answer came too late,
/// or its message was sent again. Its numbers go on too, as browsers know it by its id, and nobody is told that it begins.
struct LastNumbers {
    private static let limit = 4_000

    private struct Key: Hashable {
        let session: SessionID
        let runID: String

        init(_ run: Run) {
            session = SessionID(gateway: run.gateway, key: run.sessionKey)
            runID = run.id
        }
    }

    private var numbers: [Key: Int] = [:]
    /// The oldest first.
    private var order: Deque<Key> = []

    mutating func keep(_ number: Int, of run: Run) {
        let key = Key(run)
        guard numbers.updateValue(number, forKey: key) == nil else { return }
        order.append(key)
        if order.count > Self.limit { numbers[order.removeFirst()] = nil }
    }

    /// 0: nothing is known of the run.
    subscript(run: Run) -> Int { numbers[Key(run)] ?? 0 }
}
