import Foundation
import Logging
import Stages
import Synchronization
import UnixSignals

/// What the system wants of the server, from its start to its end.
struct Signals: Sendable {
    /// The server is to end.
    let ending = Wish()
    /// The configuration is to be read again: one for all that come before somebody takes it.
    let hangUps: AsyncStream<Void>
    private let hangUp: AsyncStream<Void>.Continuation

    init() { (hangUps, hangUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    /// The first signal but SIGHUP asks for an orderly end; the second ends the process at once, and the programs with it.
    func watch(_ signals: UnixSignalsSequence, _ programs: RunningPrograms, logger: Logger) async {
        var first: ContinuousClock.Instant?
        for await signal in signals {
            if signal == .sighup {
                hangUp.yield()
                continue
            }
            if let first {
                // `timeout` and others signal the process and its group at once: that is one wish.
                guard first.duration(to: .now) > .milliseconds(50) else { continue }
                logger.warning("ended at once, by a second signal")
                await programs.kill()
                exit(signal == .sigint ? 130 : 143)
            }
            first = .now
            logger.info("shutting down; a second signal ends the server at once")
            ending.make()
        }
    }
}

/// Something that is wished once, and that several may wait for.
final class Wish: Sendable {
    private let state = Mutex<(isMade: Bool, waiters: [AsyncStream<Void>.Continuation])>((false, []))

    func make() {
        state.withLock { state in
            for waiter in state.waiters { waiter.finish() }
            state = (true, [])
        }
    }

    /// - Returns: False: the task was cancelled before it was wished.
    func wait() async -> Bool {
        let (made, waiter) = AsyncStream.makeStream(of: Void.self)
        state.withLock { state in
            if state.isMade { waiter.finish() } else { state.waiters.append(waiter) }
        }
        for await _ in made {}
        return state.withLock { $0.isMade }
    }
}
