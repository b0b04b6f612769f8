import Synchronization

/// The wish that a program ends. The first one counts.
final class ProgramEnding: Sendable {
    private let wishes: AsyncStream<Void>
    private let entrance: AsyncStream<Void>.Continuation
    private let wish = Mutex<(isThere: Bool, reason: ProgramFailure?)>((false, nil))

    init() { (wishes, entrance) = AsyncStream.makeStream() }

    /// Why the program was asked to end; nil: it was not, or has ended by itself.
    var reason: ProgramFailure? { wish.withLock { $0.reason } }

    /// - Parameter reason: Nil: the program has ended by itself, and only what it left behind is to end.
    func ask(because reason: ProgramFailure?) {
        wish.withLock { if !$0.isThere { $0 = (true, reason) } }
        entrance.finish()
    }

    /// Returns once it is wished.
    func wait() async { for await _ in wishes {} }
}
